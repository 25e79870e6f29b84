-- Whether an incoming call is in both lists is not documented: if it is, its session counts.
{{ config(meta={'calls': {'twin24_calls': 'id', 'twin24_incoming_calls': 'call_id'}}) }}

with sessions as (
  select
    call_id,
    'inbound' as direction,
    started_at,
    duration as duration_seconds,
    current_status_name as raw_status,
    hung_up_by as disconnection_reason,
    cast(null as text) as agent,
    calling_number as customer_number,
    calling_number as from_number,
    number as to_number,
    emotion as raw_sentiment,
    total_cost as cost,
    record_path as recording,
    case when messages_as_string is not null then 'twin24_incoming_calls' end as transcript_table,
    'twin24_incoming_calls' as source_table
  from ({{ raw_rows('twin24_incoming_calls', [
    'call_id', 'started_at', 'duration', 'current_status_name', 'hung_up_by', 'calling_number',
    'number', 'emotion', 'total_cost', 'messages_as_string', 'record_path',
  ]) }}) as twin24_incoming_calls
),

-- A task makes calls; of a call without a task nothing says who called whom.
statistics as (
  select
    id as call_id,
    case when task_id is not null then 'outbound' end as direction,
    started_at,
    duration as duration_seconds,
    status as raw_status,
    cast(null as text) as disconnection_reason,
    coalesce(bot_name, bot_id) as agent,
    phone as customer_number,
    cast(null as text) as from_number,
    case when task_id is not null then phone end as to_number,
    cast(null as text) as raw_sentiment,
    price as cost,
    record_path as recording,
    case when messages_as_string is not null then 'twin24_calls' end as transcript_table,
    'twin24_calls' as source_table
  from ({{ raw_rows('twin24_calls', [
    'id', 'started_at', 'duration', 'status', 'task_id', 'bot_id', 'bot_name', 'phone', 'price',
    'messages_as_string', 'record_path',
  ]) }}) as twin24_calls
  where id not in (select call_id from sessions)
),

together as (
  select * from sessions
  union all
  select * from statistics
)

select
  'twin24' as provider,
  call_id,
  direction,
  started_at,
  null as ended_at,
  duration_seconds,
  null as waited_seconds,
  case upper(raw_status)
    when 'ANSWERED' then 'answered'
    when 'CANCEL' then 'abandoned'
    when 'NOANSWER' then 'no_answer'
    when 'BUSY' then 'no_answer'
    when 'UNAVAILABLE' then 'no_answer'
    when 'CONGESTION' then 'failed'
    when 'CHANUNAVAIL' then 'failed'
    when 'FAILED' then 'failed'
    when 'BLACKLIST' then 'failed'
    when 'INVALID' then 'failed'
    when 'EXPIRED' then 'failed'
    when 'REJECTED' then 'failed'
    when 'SCHEDULED' then 'ongoing'
    when 'DIAL' then 'ongoing'
    when 'INPROGRESS' then 'ongoing'
    else 'other'
  end as status,
  raw_status,
  disconnection_reason,
  agent,
  customer_number,
  from_number,
  to_number,
  {{ sentiment('raw_sentiment') }} as sentiment,
  raw_sentiment,
  cost,
  null as currency,
  recording,
  transcript_table,
  source_table
from together
