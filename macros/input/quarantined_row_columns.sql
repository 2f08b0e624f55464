{% macro quarantined_row_columns(input_name) -%}
    md5('{{ input_name }}|' || reason || '|' || {{ raw_row_as_text() }}) as quarantined_row_id,
    '{{ input_name }}' as input_name,
    reason,
    {{ raw_row_as_text() }} as raw_row
{%- endmacro %}
