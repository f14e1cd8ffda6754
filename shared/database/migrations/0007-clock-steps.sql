-- By how many milliseconds the leader has moved the times of live jobs along with a wall clock that was set.
alter table broker_leads add column shifted_ms bigint not null default 0;
