-- Also: no call is in `calls` that no raw table has.
with exported as (
  {%- for table, key in [
    ('videsk_calls', 'id'),
    ('anunzi_calls', 'call_id'),
    ('anunzi_unstarted_calls', 'call_id'),
    ('anunzi_call_details', 'call_id'),
    ('twin24_calls', 'id'),
    ('twin24_incoming_calls', 'call_id'),
    ('burki_calls', 'id'),
    ('burki_call_list', 'id'),
  ] %}
  select '{{ table.split("_")[0] }}' as provider, {{ key }} as call_id
  from {{ ref('stg_' ~ table) }}
  union
  {%- endfor %}
  select 'videsk', queues.id
  from {{ ref('stg_videsk_queues') }} as queues
  left join {{ ref('stg_videsk_calls') }} as calls on calls.queue = queues.id
  where calls.id is null and (queues.assigned is null or queues.assigned = false)
),

held as (
  select provider, call_id, count(*) as times from {{ ref('calls') }} group by provider, call_id
)

select
  coalesce(exported.provider, held.provider) as provider,
  coalesce(exported.call_id, held.call_id) as call_id,
  coalesce(held.times, 0) as times
from exported
full outer join held on held.provider = exported.provider and held.call_id = exported.call_id
where exported.call_id is null or held.times is null or held.times > 1
