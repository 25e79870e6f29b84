{#- What all three streams of Anunzi say of a call. -#}
{% macro anunzi_columns() %}
  {{ return({
    'call_id': 'text',
    'start_timestamp': 'timestamp',
    'end_timestamp': 'timestamp',
    'duration_ms': 'bigint',
    'call_status': 'text',
    'disconnection_reason': 'text',
    'direction': 'text',
    'agent_id': 'text',
    'agent_name': 'text',
    'from_number': 'text',
    'to_number': 'text',
    'call_analysis.user_sentiment': 'text',
    'call_cost.combined_cost': 'double precision',
    'recording_url': 'text',
  }) }}
{% endmacro %}
