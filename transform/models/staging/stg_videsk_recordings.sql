{{ raw_rows('videsk_recordings', key=['id'], columns={
  'id': 'text',
  'created_at': 'timestamp',
  'call': 'text',
}) }}
