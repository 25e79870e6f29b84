-- One list holds all calls, with transcripts and costs in USD.
{{ config(meta={'calls': {'vapi_calls': 'id'}}) }}
with vapi_calls as (
  {{ raw_rows('vapi_calls', [
    'id', 'type', 'status', 'ended_reason', 'started_at', 'ended_at', 'assistant_id',
    'assistant.name', 'customer.number', 'phone_number.twilioPhoneNumber', 'cost',
    'artifact.recordingUrl', 'artifact.transcript',
  ]) }}
)

select
  'vapi' as provider,
  id as call_id,
  case type
    when 'inboundPhoneCall' then 'inbound'
    when 'outboundPhoneCall' then 'outbound'
  end as direction,
  started_at,
  ended_at,
  extract(epoch from ended_at - started_at) as duration_seconds,
  null as waited_seconds,
  case
    when status in ('scheduled', 'queued', 'ringing', 'in-progress', 'forwarding') then 'ongoing'
    when status = 'not-found' then 'failed'
    when status is null or status not in ('ended', 'deletion-failed') then 'other'
    when ended_reason in ('customer-did-not-answer', 'customer-busy') then 'no_answer'
    when ended_reason = 'call.ringing.sip-inbound-caller-hungup-before-call-connect' then 'abandoned'
    when ended_reason like '%error%' or ended_reason like '%failed%' or ended_reason in (
      'assistant-not-found', 'assistant-not-valid', 'assistant-request-returned-no-assistant',
      'twilio-reported-customer-misdialed', 'vonage-rejected', 'scheduled-call-deleted',
      'phone-call-provider-bypass-enabled-but-no-call-received'
    ) then 'failed'
    else 'answered'
  end as status,
  status as raw_status,
  ended_reason as disconnection_reason,
  coalesce(assistant__name, assistant_id) as agent,
  customer__number as customer_number,
  case type
    when 'inboundPhoneCall' then customer__number
    when 'outboundPhoneCall' then phone_number__twilioPhoneNumber
  end as from_number,
  case type
    when 'inboundPhoneCall' then phone_number__twilioPhoneNumber
    when 'outboundPhoneCall' then customer__number
  end as to_number,
  null as sentiment,
  null as raw_sentiment,
  cost,
  'USD' as currency,
  artifact__recordingUrl as recording,
  case when artifact__transcript is not null then 'vapi_calls' end as transcript_table,
  'vapi_calls' as source_table
from vapi_calls
