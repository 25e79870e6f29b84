{{ raw_rows('burki_calls', key=['id'], columns={
  'id': 'text',
  'started_at': 'timestamp',
  'ended_at': 'timestamp',
  'duration': 'bigint',
  'status': 'text',
  'assistant_name': 'text',
  'customer_phone_number': 'text',
}) }}
