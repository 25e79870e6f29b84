{{ raw_rows('burki_call_transcripts', key=['id'], columns={
  'id': 'text',
  'call_id': 'text',
}) }}
