{{ raw_rows('twin24_calls', key=['id'], columns={
  'id': 'text',
  'started_at': 'timestamp',
  'duration': 'bigint',
  'status': 'text',
  'task_id': 'text',
  'bot_id': 'text',
  'bot_name': 'text',
  'phone': 'text',
  'price': 'double precision',
  'messages_as_string': 'text',
  'record_path': 'text',
}) }}
