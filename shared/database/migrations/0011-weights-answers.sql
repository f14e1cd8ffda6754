-- How each challenge answered when it was last asked for its weights. Rows stay when their challenge goes: that any
-- challenge ever answered is what lets the aggregator seal an epoch of which nobody earned anything.
create table weights_answers (
  netuid      integer not null,
  slug        text not null,
  asked_at    timestamptz not null,
  error       text,
  answered_at timestamptz,
  primary key (netuid, slug)
);
insert into weights_answers (netuid, slug, asked_at, answered_at)
select netuid, slug, max(computed_at), max(computed_at)
from epoch_inputs join epochs using (netuid, epoch) where ok group by netuid, slug;
