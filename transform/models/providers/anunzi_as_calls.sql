{{ config(meta={'calls': {
  'anunzi_calls': 'call_id',
  'anunzi_call_details': 'call_id',
  'anunzi_unstarted_calls': 'call_id',
}}) }}
{{ retell_calls('anunzi') }}
