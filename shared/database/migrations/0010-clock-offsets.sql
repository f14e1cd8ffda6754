-- In the time of which wall clock a row's times are: how far that was ahead of the time since that boot.
alter table jobs add column boot_id text, add column clock_offset_ms bigint;
alter table worker_orders add column boot_id text, add column clock_offset_ms bigint;
alter table broker_leads drop column shifted_ms;
