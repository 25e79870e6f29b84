{{ raw_rows('anunzi_unstarted_calls', key=['call_id'], columns=anunzi_columns()) }}
