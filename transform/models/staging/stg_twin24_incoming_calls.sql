{{ raw_rows('twin24_incoming_calls', key=['call_id'], columns={
  'call_id': 'text',
  'started_at': 'timestamp',
  'duration': 'bigint',
  'current_status_name': 'text',
  'hung_up_by': 'text',
  'calling_number': 'text',
  'number': 'text',
  'emotion': 'text',
  'total_cost': 'double precision',
  'messages_as_string': 'text',
  'record_path': 'text',
}) }}
