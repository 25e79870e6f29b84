{{ raw_rows('burki_call_list', key=['id'], columns={
  'id': 'text',
  'started_at': 'timestamp',
  'ended_at': 'timestamp',
  'duration': 'bigint',
  'status': 'text',
  'assistant_id': 'text',
  'assistant_name': 'text',
  'customer_phone_number': 'text',
  'to_phone_number': 'text',
  'total_cost': 'double precision',
  'cost_currency': 'text',
}) }}
