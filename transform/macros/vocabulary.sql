{#- How a call went, in the order in which it is shown. -#}
{% macro statuses() %}
  {{ return(['answered', 'abandoned', 'no_answer', 'failed', 'ongoing', 'other']) }}
{% endmacro %}


{#- A provider's word for a sentiment in ours; a word we do not know is `other`. -#}
{% macro sentiment(word) %}
  case
    when lower({{ word }}) in ('positive', 'neutral', 'negative', 'unknown') then lower({{ word }})
    when {{ word }} is not null then 'other'
  end
{% endmacro %}


{#- The day of an instant in the time zone that the project counts in. -#}
{% macro local_day(instant) %}
  {%- if var('timezone') == 'UTC' -%}
    cast({{ instant }} as date)
  {%- else -%}
    cast({{ instant }} at time zone 'UTC' at time zone '{{ var("timezone") }}' as date)
  {%- endif -%}
{% endmacro %}
