{#- Some columns of a raw table, one row for each primary key.

    models/raw/_raw.yml, which `make docs` writes, says which types they have and what the key is.
    A path such as call_cost.combined_cost, of two or three steps, leads into a JSON column: it
    becomes a column with two underscores, call_cost__combined_cost.

    A stream that is off has no table, and a deselected column is not in it: both are there all
    the same, and empty. A loader that appends leaves one row for each time a call came: the row
    that was read last is kept, where the loader notes when that was. -#}
{% macro raw_rows(table, columns) %}
  {%- set relation = load_relation(source('raw', table)) -%}
  {%- if execute -%}
    {%- set declared = graph.sources.values() | selectattr('source_name', 'equalto', 'raw')
          | selectattr('name', 'equalto', table) | first -%}
    {%- set types = {} -%}
    {%- for path in columns -%}
      {%- if path not in declared.columns -%}
        {{ exceptions.raise_compiler_error(table ~ ' has no column ' ~ path) }}
      {%- endif -%}
      {%- do types.update({path: declared.columns[path].data_type}) -%}
    {%- endfor -%}
    {%- if relation -%}
      {{ newest_rows(relation, declared.config.meta.primary_key, types) }}
    {%- else -%}
      select
        {%- for path, type in types.items() %}
        cast(null as {{ type }}) as {{ column_name(path) }}{{ ',' if not loop.last }}
        {%- endfor %}
      limit 0
    {%- endif -%}
  {%- endif -%}
{% endmacro %}


{% macro newest_rows(relation, key, types) %}
  {%- set held = {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do held.update({column.name | lower: column.dtype | lower}) -%}
  {%- endfor -%}
  {%- set clocks = ['_sdc_extracted_at', '_sdc_batched_at', '_sdc_sequence'] -%}
  select {{ types | map('replace', '.', '__') | map('lower') | join(', ') }}
  from (
    select
      {%- for path, type in types.items() %}
      {{ raw_value(path, type, held) }} as {{ column_name(path) }},
      {%- endfor %}
      row_number() over (
        partition by {{ key | join(', ') }}
        order by
          {%- for clock in clocks if clock in held %}
          {{ clock }} desc nulls last,
          {%- endfor %}
          {{ key | join(', ') }}
      ) as age
    from {{ relation }}
  ) as by_age
  where age = 1
{% endmacro %}


{#- One value of a raw row. A path leads into a JSON column, or to the column that flattening has
    made of it. Texts are never empty: some loaders keep them so, others do not. -#}
{% macro raw_value(path, type, held) %}
  {%- set name, parts = column_name(path), path.split('.') -%}
  {%- if name in held and type == 'timestamp' and held[name] in zoned_types() -%}
    {{ name }} at time zone 'UTC'
  {%- elif name in held and type == 'text' -%}
    nullif(cast({{ name }} as text), '')
  {%- elif name in held -%}
    cast({{ name }} as {{ type }})
  {%- elif parts[0] in held -%}
    {%- set inside = "(cast(" ~ parts[0] ~ " as json) -> '" ~ parts[1] ~ "')" if parts | length > 2
          else "cast(" ~ parts[0] ~ " as json)" %}
    cast(nullif({{ inside }} ->> '{{ parts[-1] }}', '') as {{ type }})
  {%- else -%}
    cast(null as {{ type }})
  {%- endif -%}
{% endmacro %}


{% macro column_name(path) %}{{ return(path | replace('.', '__') | lower) }}{% endmacro %}


{% macro zoned_types() %}
  {{ return(['timestamp with time zone', 'timestamptz']) }}
{% endmacro %}
