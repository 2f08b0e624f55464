{% macro raw_row_as_text() -%}
    {#- The row as it came, as JSON. Making it costs more than reading the row does: ask for it where few rows are left. -#}
    cast(to_json(_raw_row) as varchar)
{%- endmacro %}
