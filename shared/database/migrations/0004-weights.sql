-- The chain's neurons as the aggregator last read them; one block a netuid.
create table metagraph (
  netuid     integer not null,
  uid        integer not null check (uid between 0 and 65535),
  hotkey     text not null,
  block      bigint not null,
  updated_at timestamptz not null,
  primary key (netuid, uid)
);
create index metagraph_hotkey on metagraph (netuid, hotkey);

-- The fencing number of whoever leads the aggregation of a netuid: a write with a former one is refused.
create table epoch_leads (
  netuid  integer primary key,
  fencing bigint not null
);

create table epochs (
  netuid      integer not null,
  epoch       bigint not null check (epoch > 0),
  fencing     bigint not null,
  computed_at timestamptz not null,
  expires_at  timestamptz not null,
  vector      jsonb not null,
  digest      text not null,
  primary key (netuid, epoch)
);

create table epoch_inputs (
  netuid           integer not null,
  epoch            bigint not null,
  slug             text not null,
  emission_percent double precision not null,
  ok               boolean not null,
  error            text,
  stale_from_epoch bigint,
  challenge_epoch  double precision,
  weights          jsonb not null,
  ms               integer not null,
  primary key (netuid, epoch, slug),
  foreign key (netuid, epoch) references epochs (netuid, epoch) on delete cascade
);
create index epoch_inputs_good on epoch_inputs (netuid, slug, epoch desc) where ok;
