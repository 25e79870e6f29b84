{#- The calls of a provider with Retell's API, from its three lists.

    The same call may be in several lists, in different states: the one that knows its end counts,
    then the list that is read again for longest. -#}
{% macro retell_calls(provider) %}
{%- set unstarted = provider ~ '_unstarted_calls' %}
{%- set columns = [
  'call_id', 'start_timestamp', 'end_timestamp', 'duration_ms', 'call_status',
  'disconnection_reason', 'direction', 'agent_id', 'agent_name', 'from_number', 'to_number',
  'call_analysis.user_sentiment', 'call_cost.combined_cost', 'recording_url',
] %}

with lists as (
  {%- for table in [provider ~ '_calls', provider ~ '_call_details', unstarted] %}
  select
    call_id,
    start_timestamp,
    end_timestamp,
    duration_ms,
    call_status,
    disconnection_reason,
    direction,
    coalesce(agent_name, agent_id) as agent,
    from_number,
    to_number,
    call_analysis__user_sentiment as raw_sentiment,
    call_cost__combined_cost as cents,
    recording_url,
    '{{ table }}' as source_table,
    case when call_status in ('registered', 'ongoing') then 10 else 0 end + {{ loop.index }} as preference
  from ({{ raw_rows(table, columns) }}) as {{ table }}
  {%- if not loop.last %}
  union all
  {%- endif %}
  {%- endfor %}
),

ranked as (
  select *, row_number() over (partition by call_id order by preference) as place from lists
)

select
  '{{ provider }}' as provider,
  ranked.call_id,
  ranked.direction,
  ranked.start_timestamp as started_at,
  ranked.end_timestamp as ended_at,
  ranked.duration_ms / 1000.0 as duration_seconds,
  null as waited_seconds,
  case
    when ranked.call_status = 'error' then 'failed'
    when (ranked.call_status = 'not_connected' or ranked.source_table = '{{ unstarted }}') and (
      ranked.disconnection_reason like 'error%'
      or ranked.disconnection_reason in (
        'dial_failed', 'invalid_destination', 'telephony_provider_permission_denied',
        'telephony_provider_unavailable', 'sip_routing_error', 'marked_as_spam',
        'network_blocked', 'scam_detected', 'concurrency_limit_reached',
        'no_concurrency_fallback', 'no_valid_payment', 'credit_exhausted', 'budget_reached'
      )
    ) then 'failed'
    when ranked.call_status = 'not_connected' or ranked.source_table = '{{ unstarted }}' then 'no_answer'
    when ranked.call_status in ('registered', 'ongoing') then 'ongoing'
    when ranked.call_status = 'ended' then 'answered'
    else 'other'
  end as status,
  ranked.call_status as raw_status,
  ranked.disconnection_reason,
  ranked.agent,
  case ranked.direction
    when 'inbound' then ranked.from_number
    when 'outbound' then ranked.to_number
  end as customer_number,
  ranked.from_number,
  ranked.to_number,
  {{ sentiment('ranked.raw_sentiment') }} as sentiment,
  ranked.raw_sentiment,
  ranked.cents / 100 as cost,
  null as currency,
  ranked.recording_url as recording,
  case when details.transcript is not null then '{{ provider }}_call_details' end as transcript_table,
  ranked.source_table
from ranked
left join ({{ raw_rows(provider ~ '_call_details', ['call_id', 'transcript']) }}) as details
  on details.call_id = ranked.call_id
where ranked.place = 1
{% endmacro %}
