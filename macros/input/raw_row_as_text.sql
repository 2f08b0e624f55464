{% macro raw_row_as_text() -%}
    {#-
        The row as it came, as JSON. Nulls are left out: files that are read together share their columns, so that a row would have a null more
        once a later file brings a column. Making it costs more than reading the row does: ask for it where few rows are left.
    -#}
    cast(json_merge_patch('{}', to_json(_raw_row)) as varchar)
{%- endmacro %}
