create table broker_leads (
  id      integer primary key check (id = 1),
  fencing bigint not null
);

create table jobs (
  id               text primary key,
  challenge        text not null,
  job_id           text not null,
  task_id          text,
  idempotency_key  text,
  spec_digest      text not null,
  spec             jsonb not null,
  image_id         text not null,
  cpus             double precision not null,
  memory_bytes     bigint not null,
  gpu_count        integer not null default 0,
  priority         integer not null default 0,
  state            text not null check (state in ('queued', 'staging', 'starting', 'running', 'collecting',
                     'succeeded', 'failed', 'timed_out', 'cancelled', 'rejected', 'lost')),
  outcome          jsonb,
  is_cancel_asked  boolean not null default false,
  deadline_at      timestamptz not null,
  node_id          text,
  node_class       text,
  intent_fencing   bigint,
  swarm_task_id    text,
  container_id     text,
  exit_code        integer,
  wall_ms          bigint,
  is_log_complete  boolean not null default false,
  log_digest       text,
  artifacts        jsonb not null default '[]',
  artifacts_complete boolean not null default true,
  accepted_at      timestamptz not null,
  staging_at       timestamptz,
  starting_at      timestamptz,
  running_at       timestamptz,
  collecting_at    timestamptz,
  ended_at         timestamptz,
  cleaned_at       timestamptz,
  is_run_call      boolean not null default false,
  delivered_at     timestamptz
);
create unique index jobs_idempotency on jobs (challenge, idempotency_key) where idempotency_key is not null;
create index jobs_live on jobs (state) where ended_at is null;
create index jobs_queue on jobs (challenge, priority desc, accepted_at) where state = 'queued';
create index jobs_uncleaned on jobs (ended_at) where cleaned_at is null and ended_at is not null;
create index jobs_by_challenge on jobs (challenge, accepted_at desc);
create index jobs_by_group on jobs (challenge, job_id);

create table job_events (
  id     bigint generated always as identity primary key,
  job    text not null references jobs (id) on delete cascade,
  at     timestamptz not null,
  kind   text not null,
  detail jsonb not null default '{}'
);
create index job_events_by_job on job_events (job, id);

-- A hold is the lease of a lost job: its container may still run.
create table capacity_leases (
  job          text primary key references jobs (id),
  node_id      text not null,
  cpus         double precision not null,
  memory_bytes bigint not null,
  gpu_count    integer not null,
  is_hold      boolean not null default false,
  taken_at     timestamptz not null
);

create table blobs (
  challenge  text not null,
  digest     text not null,
  size_bytes bigint not null,
  used_at    timestamptz not null,
  primary key (challenge, digest)
);
create index blobs_by_digest on blobs (digest);

create table blob_uses (
  job    text not null references jobs (id) on delete cascade,
  digest text not null,
  primary key (job, digest)
);
create index blob_uses_by_digest on blob_uses (digest);
