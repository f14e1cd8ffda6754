-- What an administrator wants of a worker. drain and label: no new job, an end of those that run by the deadline, then the
-- node's availability or its class (null: none) is written. activate: it takes jobs again.
create table worker_orders (
  node_id     text primary key,
  kind        text not null check (kind in ('drain', 'label', 'activate')),
  workload    text check (workload in ('cpu', 'gpu')),
  deadline_at timestamptz not null,
  ordered_at  timestamptz not null
);
