{{ raw_rows('videsk_calls', key=['id'], columns={
  'id': 'text',
  'start_time': 'timestamp',
  'end_time': 'timestamp',
  'duration': 'double precision',
  'agent': 'text',
  'customer_leave': 'timestamp',
  'queue': 'text',
}) }}
