create table challenges (
  slug             text primary key,
  spec             jsonb not null,
  status           text not null check (status in ('draft', 'active', 'inactive')),
  token_generation integer not null default 1 check (token_generation > 0),
  token_rotating   boolean not null default false,
  readiness        jsonb,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now()
);

create table admin_tokens (
  name        text primary key,
  token_hash  bytea not null unique,
  scope       text not null check (scope in ('read', 'operate', 'admin')),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  revoked_at  timestamptz
);

create table audit_log (
  id          bigint generated always as identity primary key,
  at          timestamptz not null,
  actor       text not null,
  action      text not null,
  subject     text not null,
  before      jsonb,
  after       jsonb,
  request_id  text not null,
  previous    bytea not null,
  hash        bytea not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end $$;
create trigger audit_log_append_only before update or delete or truncate on audit_log
  for each statement execute function refuse_change();

create table nodes (
  id           text primary key,
  hostname     text not null,
  workload     text,
  state        text not null,
  availability text not null,
  details      jsonb not null,
  seen_at      timestamptz not null
);

create table image_pins (
  subject     text primary key,
  reference   text not null,
  digest      text not null,
  former      text,
  refused     text[] not null default '{}',
  updated_at  timestamptz not null default now()
);
