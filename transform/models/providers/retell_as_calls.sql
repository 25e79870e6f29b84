{{ config(meta={'calls': {
  'retell_calls': 'call_id',
  'retell_call_details': 'call_id',
  'retell_unstarted_calls': 'call_id',
}}) }}
{{ retell_calls('retell') }}
