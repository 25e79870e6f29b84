-- The list and the export hold the same calls, perhaps in different states: the one that knows the
-- end of a call counts, then the list, which says more.
{{ config(meta={'calls': {'burki_calls': 'id', 'burki_call_list': 'id'}}) }}
{%- set unfinished = "('ongoing', 'in-progress', 'pending')" %}
with lists as (
  select
    id as call_id,
    started_at,
    ended_at,
    duration,
    status as raw_status,
    coalesce(assistant_name, cast(assistant_id as text)) as agent,
    customer_phone_number,
    to_phone_number,
    total_cost,
    cost_currency,
    'burki_call_list' as source_table,
    case when status in {{ unfinished }} then 10 else 0 end + 1 as preference
  from ({{ raw_rows('burki_call_list', [
    'id', 'started_at', 'ended_at', 'duration', 'status', 'assistant_id', 'assistant_name',
    'customer_phone_number', 'to_phone_number', 'total_cost', 'cost_currency',
  ]) }}) as burki_call_list
  union all
  select
    id,
    started_at,
    ended_at,
    duration,
    status,
    assistant_name,
    customer_phone_number,
    null,
    null,
    null,
    'burki_calls',
    case when status in {{ unfinished }} then 10 else 0 end + 2
  from ({{ raw_rows('burki_calls', [
    'id', 'started_at', 'ended_at', 'duration', 'status', 'assistant_name', 'customer_phone_number',
  ]) }}) as burki_calls
),

ranked as (
  select *, row_number() over (partition by call_id order by preference) as place from lists
),

spoken as (
  select distinct call_id
  from ({{ raw_rows('burki_call_transcripts', ['id', 'call_id']) }}) as burki_call_transcripts
  where call_id is not null
)

select
  'burki' as provider,
  ranked.call_id,
  null as direction,
  ranked.started_at,
  ranked.ended_at,
  ranked.duration as duration_seconds,
  null as waited_seconds,
  case
    when ranked.raw_status in {{ unfinished }} then 'ongoing'
    when ranked.raw_status in ('completed', 'transferred') then 'answered'
    when ranked.raw_status = 'failed' then 'failed'
    else 'other'
  end as status,
  ranked.raw_status,
  null as disconnection_reason,
  ranked.agent,
  ranked.customer_phone_number as customer_number,
  null as from_number,
  ranked.to_phone_number as to_number,
  null as sentiment,
  null as raw_sentiment,
  ranked.total_cost as cost,
  ranked.cost_currency as currency,
  null as recording,
  case when spoken.call_id is not null then 'burki_call_transcripts' end as transcript_table,
  ranked.source_table
from ranked
left join spoken on spoken.call_id = ranked.call_id
where ranked.place = 1
