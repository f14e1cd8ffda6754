-- What a job of each state has. Rows that ended before are not looked at again.
alter table jobs add constraint jobs_have_what_their_state_has check (case
  when state = 'queued' then true
  when state in ('staging', 'starting', 'running', 'collecting') then
    node_id is not null and node_class is not null and intent_fencing is not null and case state
      when 'staging' then staging_at is not null
      when 'starting' then starting_at is not null
      when 'running' then starting_at is not null and running_at is not null and swarm_task_id is not null
      else collecting_at is not null and outcome is not null and wall_ms is not null end
  else outcome is not null and ended_at is not null end) not valid;
