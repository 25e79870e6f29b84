{{ raw_rows('videsk_ai_sentiments', key=['id', 'entity_type'], columns={
  'id': 'text',
  'entity_type': 'text',
  'sentiment_text': 'text',
}) }}
