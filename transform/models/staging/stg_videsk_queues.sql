{{ raw_rows('videsk_queues', key=['id'], columns={
  'id': 'text',
  'start_time': 'timestamp',
  'end_time': 'timestamp',
  'duration': 'double precision',
  'dismissed': 'boolean',
  'canceled': 'boolean',
  'assigned': 'boolean',
  'canceled_reason': 'text',
}) }}
