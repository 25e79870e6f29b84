{{ raw_rows('anunzi_calls', key=['call_id'], columns=anunzi_columns()) }}
