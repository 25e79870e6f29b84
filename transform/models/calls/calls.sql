-- generated: modelled providers
{%- set providers = ['videsk', 'anunzi', 'retell', 'twin24', 'burki', 'vapi', 'elevenlabs'] %}
-- end of generated
{%- for provider in providers %}
{%- set billed_in = var('currencies').get(provider) %}
select
  {%- for name, column in model.columns.items() %}
  {%- if name == 'currency' and billed_in %}
  case when cost is not null then coalesce(cast(currency as text), '{{ billed_in }}') end as currency
  {%- else %}
  cast({{ name }} as {{ column.data_type }}) as {{ name }}
  {%- endif %}
  {{- ',' if not loop.last }}
  {%- endfor %}
from {{ ref(provider ~ '_as_calls') }}
{{ 'union all' if not loop.last }}
{%- endfor %}
