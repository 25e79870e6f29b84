-- Conversations that were spoken. The list counts, unless only the details know the end; numbers,
-- waiting time and what dialling came to are in the details only.
{%- set unfinished = "('initiated', 'in-progress', 'processing')" %}

with lists as (
  select
    conversation_id,
    start_time,
    status,
    coalesce(agent_name, agent_id) as agent,
    call_duration_secs,
    termination_reason,
    direction,
    cost_fiat,
    sentiment_analysis__overall_label as raw_sentiment,
    'elevenlabs_conversations' as source_table,
    case when status in {{ unfinished }} then 10 else 0 end + 1 as preference
  from ({{ raw_rows('elevenlabs_conversations', [
    'conversation_id', 'start_time', 'status', 'agent_name', 'agent_id', 'call_duration_secs',
    'termination_reason', 'direction', 'cost_fiat', 'sentiment_analysis.overall_label',
  ]) }}) as elevenlabs_conversations
  union all
  select
    conversation_id,
    start_time,
    status,
    coalesce(agent_name, agent_id) as agent,
    metadata__call_duration_secs,
    metadata__termination_reason,
    metadata__phone_call__direction,
    metadata__cost_fiat,
    null as raw_sentiment,
    'elevenlabs_conversation_details' as source_table,
    case when status in {{ unfinished }} then 10 else 0 end + 2 as preference
  from ({{ raw_rows('elevenlabs_conversation_details', [
    'conversation_id', 'start_time', 'status', 'agent_name', 'agent_id',
    'metadata.call_duration_secs', 'metadata.termination_reason', 'metadata.phone_call.direction',
    'metadata.cost_fiat',
  ]) }}) as elevenlabs_conversation_details
),

ranked as (
  select *, row_number() over (partition by conversation_id order by preference) as place from lists
)

select
  'elevenlabs' as provider,
  ranked.conversation_id as call_id,
  ranked.direction,
  ranked.start_time as started_at,
  null as ended_at,
  ranked.call_duration_secs as duration_seconds,
  details.metadata__queue_wait_secs as waited_seconds,
  case
    when details.metadata__phone_call__call_result in ('no_answer', 'busy') then 'no_answer'
    when ranked.status = 'failed' or details.metadata__phone_call__call_result = 'failed' then 'failed'
    when ranked.status in {{ unfinished }} then 'ongoing'
    when ranked.status = 'done' then 'answered'
    else 'other'
  end as status,
  ranked.status as raw_status,
  ranked.termination_reason as disconnection_reason,
  ranked.agent,
  details.metadata__phone_call__external_number as customer_number,
  case ranked.direction
    when 'inbound' then details.metadata__phone_call__external_number
    when 'outbound' then details.metadata__phone_call__agent_number
  end as from_number,
  case ranked.direction
    when 'inbound' then details.metadata__phone_call__agent_number
    when 'outbound' then details.metadata__phone_call__external_number
  end as to_number,
  {{ sentiment('ranked.raw_sentiment') }} as sentiment,
  ranked.raw_sentiment,
  ranked.cost_fiat as cost,
  case when ranked.cost_fiat is not null then 'USD' end as currency,
  null as recording,
  case when details.conversation_id is not null then 'elevenlabs_conversation_details' end as transcript_table,
  ranked.source_table
from ranked
join ({{ elevenlabs_spoken() }}) as spoken on spoken.conversation_id = ranked.conversation_id
left join ({{ raw_rows('elevenlabs_conversation_details', [
  'conversation_id', 'metadata.queue_wait_secs', 'metadata.phone_call.call_result',
  'metadata.phone_call.external_number', 'metadata.phone_call.agent_number',
]) }}) as details on details.conversation_id = ranked.conversation_id
where ranked.place = 1
