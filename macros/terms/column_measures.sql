{% macro column_measures(columns) %}
    {#- Sums over any rows that add up over batches: for each column its values and range, to be unpivoted by column_rows. -#}
    {%- for column in columns %}
    count({{ column.quoted }}) as count_values_{{ loop.index }},
    {%- if column.is_number %}
    min(cast({{ column.quoted }} as double)) as minimum_{{ loop.index }},
    max(cast({{ column.quoted }} as double)) as maximum_{{ loop.index }},
    {%- endif %}
    {%- endfor %}
{% endmacro %}


{% macro column_rows(columns, source, keys) %}
    {#- One row per column of what column_measures put side by side. -#}
    {%- for column in columns %}
select
    {{ keys }},
    '{{ column.name }}' as column_name,
    count_rows,
    count_values_{{ loop.index }} as count_values,
    {{ 'minimum_' ~ loop.index if column.is_number else 'cast(null as double)' }} as minimum,
    {{ 'maximum_' ~ loop.index if column.is_number else 'cast(null as double)' }} as maximum
from {{ source }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
