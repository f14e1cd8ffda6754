-- The data sets that were granted to the job's challenge when it was placed.
alter table jobs add column data_volumes text[] not null default '{}';
