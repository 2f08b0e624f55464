{% macro column_measures(columns) %}
    {#- Sums over any rows that add up over batches: for each column its values and range, to be unpivoted by column_rows. -#}
    {%- for column in columns %}
    {%- set value = finite('cast(' ~ column.quoted ~ ' as double)') if column.is_number else column.quoted %}
    count({{ value }}) as count_values_{{ column.number }},
    {%- if column.is_number %}
    min({{ value }}) as minimum_{{ column.number }},
    max({{ value }}) as maximum_{{ column.number }},
    {%- endif %}
    {%- endfor %}
{% endmacro %}


{% macro column_rows(columns, source, keys) %}
    {#- One row per column of what column_measures put side by side. -#}
    {%- for column in columns %}
select
    {{ keys }},
    {{ quoted_text(column.name) }} as column_name,
    count_rows,
    count_values_{{ column.number }} as count_values,
    {{ 'minimum_' ~ column.number if column.is_number else 'cast(null as double)' }} as minimum,
    {{ 'maximum_' ~ column.number if column.is_number else 'cast(null as double)' }} as maximum
from {{ source }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{% endmacro %}
