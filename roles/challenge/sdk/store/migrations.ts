/** Migration n is at index n - 1. A released migration is never changed: add another one. */
export const migrations: readonly string[] = [
  `create table submissions (
     id text primary key,
     hotkey text not null,
     nonce text not null,
     uid integer,
     sha256 text not null,
     filename text not null,
     content_type text not null,
     size_bytes integer not null,
     state text not null check (state in ('received', 'evaluating', 'scored', 'failed')),
     attempt integer not null default 1,
     job_spec text,
     job_id text,
     job_state text,
     node_class text,
     score real,
     details text,
     fault text check (fault in ('submission', 'challenge', 'platform')),
     failure_code text,
     failure_detail text,
     received_at_ms integer not null,
     updated_at_ms integer not null,
     deadline_at_ms integer not null,
     next_try_at_ms integer not null,
     unique (hotkey, nonce),
     check ((state = 'scored') = (score is not null)),
     check ((state = 'failed') = (fault is not null))
   ) strict;
   create index submissions_unfinished on submissions (next_try_at_ms) where state in ('received', 'evaluating');
   create index submissions_best on submissions (hotkey, score desc, id) where state = 'scored';
   create table contents (
     submission_id text primary key references submissions (id) on delete cascade,
     bytes blob not null
   ) strict;`,
];
