with days as (
  select
    provider,
    sum(calls) as calls,
    sum(answered + abandoned + no_answer + failed + ongoing + other) as by_status,
    sum(cost) as cost
  from {{ ref('calls_daily') }}
  group by provider
),

calls as (
  select provider, count(*) as calls, sum(cost) as cost from {{ ref('calls') }} group by provider
)

select calls.provider, calls.calls, days.calls as in_days, days.by_status, calls.cost, days.cost as cost_in_days
from calls
left join days on days.provider = calls.provider
where days.calls is null
  or days.calls <> calls.calls
  or days.by_status <> calls.calls
  or days.cost is distinct from calls.cost
