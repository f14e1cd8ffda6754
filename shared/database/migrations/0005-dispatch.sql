-- Services, stagers and network are gone first, volumes a while later: `cleaned_at` says both.
alter table jobs add column services_removed_at timestamptz;
update jobs set services_removed_at = cleaned_at where cleaned_at is not null;
drop index jobs_uncleaned;
create index jobs_unremoved on jobs (ended_at) where ended_at is not null and services_removed_at is null;
create index jobs_unswept on jobs (ended_at) where services_removed_at is not null and cleaned_at is null;

-- What the dispatcher reads at every tick must not grow with the queue.
drop index jobs_live;
create index jobs_active on jobs (id) where ended_at is null and state <> 'queued';
create index jobs_live on jobs (challenge, id) where ended_at is null;
drop index jobs_queue;
create index jobs_queue on jobs (challenge, (gpu_count > 0), priority desc, accepted_at, id) where state = 'queued';
create index jobs_queue_deadline on jobs (deadline_at) where state = 'queued';
create index jobs_queue_cancelled on jobs (id) where state = 'queued' and is_cancel_asked;

-- How fast a challenge's queue moves, for the estimate of a wait.
create index jobs_placed on jobs (challenge, (coalesce(staging_at, starting_at)));
