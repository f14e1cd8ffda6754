-- What a job left that no archive may hold: how many names, and the first of them with the reason each.
alter table jobs add column artifacts_skipped jsonb not null default '{"count": 0, "first": []}';
