{% macro quarantined_row_columns(input_name) -%}
    md5('{{ input_name }}|' || reason || '|' || cast(_raw_row as varchar)) as quarantined_row_id,
    '{{ input_name }}' as input_name,
    reason,
    cast(_raw_row as varchar) as raw_row
{%- endmacro %}
