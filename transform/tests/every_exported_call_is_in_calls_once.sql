-- Also: no call is in `calls` that no raw table has. Each model of a provider says, in its `meta`,
-- which raw tables have a row for each call, and which column of them holds the call's id.
with exported as (
  {%- if execute %}
  {%- for model in graph.nodes.values() if model.resource_type == 'model' and model.config.meta.calls %}
  {%- for table, key in model.config.meta.calls.items() %}
  select '{{ model.name.split("_")[0] }}' as provider, cast({{ key }} as text) as call_id
  from ({{ raw_rows(table, [key]) }}) as {{ table }}
  union
  {%- endfor %}
  {%- endfor %}
  {%- endif %}
  select 'videsk', queues.id
  from ({{ raw_rows('videsk_queues', ['id', 'assigned']) }}) as queues
  left join ({{ raw_rows('videsk_calls', ['id', 'queue']) }}) as calls on calls.queue = queues.id
  where calls.id is null and (queues.assigned is null or queues.assigned = false)
  union
  select 'elevenlabs', conversation_id from ({{ elevenlabs_spoken() }}) as spoken
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
