-- A queue entry and the call that came out of it are one call, with the id of the call. An entry
-- that nobody took is a call too, with its own id. An entry that was assigned to an agent is
-- none: its call is there, or comes with the next export.
{{ config(meta={'calls': {'videsk_calls': 'id'}}) }}

with calls as (
  {{ raw_rows('videsk_calls', [
    'id', 'start_time', 'end_time', 'duration', 'agent', 'customer_leave', 'queue',
  ]) }}
),

queues as (
  {{ raw_rows('videsk_queues', [
    'id', 'start_time', 'end_time', 'duration', 'dismissed', 'canceled', 'assigned',
    'canceled_reason',
  ]) }}
),

sentiments as (
  {{ raw_rows('videsk_ai_sentiments', ['id', 'entity_type', 'sentiment_text']) }}
),

recordings as (
  select call as call_id, string_agg(id, ', ' order by created_at, id) as recording
  from ({{ raw_rows('videsk_recordings', ['id', 'created_at', 'call']) }}) as videsk_recordings
  where call is not null
  group by call
),

talks as (
  select
    calls.id as call_id,
    case when calls.queue is not null then 'inbound' end as direction,
    calls.start_time as started_at,
    calls.end_time as ended_at,
    calls.duration * 60 as duration_seconds,
    waits.duration * 60 as waited_seconds,
    case when calls.end_time is null then 'ongoing' else 'answered' end as status,
    cast(null as text) as raw_status,
    case when calls.customer_leave is not null then 'customer_leave' end as disconnection_reason,
    calls.agent,
    sentiments.sentiment_text as raw_sentiment,
    recordings.recording,
    'videsk_calls' as source_table
  from calls
  left join queues as waits on waits.id = calls.queue
  left join sentiments
    on sentiments.id = calls.id and sentiments.entity_type = 'calls'
  left join recordings on recordings.call_id = calls.id
),

waits as (
  select
    id as call_id,
    'inbound' as direction,
    start_time as started_at,
    end_time as ended_at,
    cast(null as double precision) as duration_seconds,
    duration * 60 as waited_seconds,
    case
      when canceled then 'abandoned'
      when dismissed then 'no_answer'
      when end_time is null then 'ongoing'
      else 'other'
    end as status,
    case when canceled then 'canceled' when dismissed then 'dismissed' end as raw_status,
    canceled_reason as disconnection_reason,
    cast(null as text) as agent,
    cast(null as text) as raw_sentiment,
    cast(null as text) as recording,
    'videsk_queues' as source_table
  from queues
  where not coalesce(assigned, false)
    and not exists (
      select 1 from calls where calls.queue = queues.id
    )
),

together as (
  select * from talks
  union all
  select * from waits
)

select
  'videsk' as provider,
  call_id,
  direction,
  started_at,
  ended_at,
  duration_seconds,
  waited_seconds,
  status,
  raw_status,
  disconnection_reason,
  agent,
  null as customer_number,
  null as from_number,
  null as to_number,
  {{ sentiment('raw_sentiment') }} as sentiment,
  raw_sentiment,
  null as cost,
  null as currency,
  recording,
  null as transcript_table,
  source_table
from together
