{{ raw_rows('anunzi_call_details', key=['call_id'], columns=dict(anunzi_columns(), transcript='text')) }}
