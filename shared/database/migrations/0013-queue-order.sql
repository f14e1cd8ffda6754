-- Which challenge's last job of a class left the queue longest ago, and how fast jobs of a class do.
drop index jobs_placed;
create index jobs_left_lane on jobs (challenge, (gpu_count > 0), (coalesce(staging_at, starting_at)));
create index jobs_left_queue on jobs ((gpu_count > 0), (coalesce(staging_at, starting_at)));
