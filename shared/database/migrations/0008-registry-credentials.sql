-- How a challenge's jobs get at private images. The password is sealed with a key of the master key.
create table registry_credentials (
  challenge       text not null references challenges (slug) on delete cascade,
  registry        text not null,
  username        text not null,
  sealed_password bytea not null,
  updated_at      timestamptz not null,
  primary key (challenge, registry)
);
