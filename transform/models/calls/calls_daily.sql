select
  provider,
  agent,
  {{ local_day('started_at') }} as day,
  currency,
  count(*) as calls,
  {%- for status in statuses() %}
  count(case when status = '{{ status }}' then 1 end) as {{ status }},
  {%- endfor %}
  cast(sum(duration_seconds) / 60 as double precision) as minutes,
  sum(cost) as cost
from {{ ref('calls') }}
group by 1, 2, 3, 4
