{#- The columns of `calls`, in order. Every provider's model has them all. -#}
{% macro call_columns() %}
  {{ return({
    'provider': 'text',
    'call_id': 'text',
    'direction': 'text',
    'started_at': 'timestamp',
    'ended_at': 'timestamp',
    'duration_seconds': 'numeric(14, 3)',
    'waited_seconds': 'numeric(14, 3)',
    'status': 'text',
    'raw_status': 'text',
    'disconnection_reason': 'text',
    'agent': 'text',
    'customer_number': 'text',
    'from_number': 'text',
    'to_number': 'text',
    'sentiment': 'text',
    'raw_sentiment': 'text',
    'cost': 'numeric(18, 6)',
    'currency': 'text',
    'recording': 'text',
    'transcript_table': 'text',
    'source_table': 'text',
  }) }}
{% endmacro %}
