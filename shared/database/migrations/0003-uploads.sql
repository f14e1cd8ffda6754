-- A nonce is used once within the retention of `limits.proxy`; its hash keeps rows small whatever miners send.
create table miner_nonces (
  netuid     integer not null,
  slug       text not null,
  hotkey     text not null,
  nonce_hash bytea not null check (octet_length(nonce_hash) = 32),
  used_at    timestamptz not null,
  primary key (netuid, slug, hotkey, nonce_hash)
);
create index miner_nonces_used_at on miner_nonces (used_at);

-- What was handed to a challenge and what it answered: who sent what when, for disputes; same retention rule, longer.
create table submissions_seen (
  id          bigint generated always as identity primary key,
  -- As the client may have chosen it, so not unique.
  request_id  text not null,
  netuid      integer not null,
  slug        text not null,
  hotkey      text not null,
  uid         integer,
  body_sha256 text not null,
  body_bytes  integer not null,
  status      integer not null,
  received_at timestamptz not null
);
create index submissions_seen_received_at on submissions_seen (received_at);
