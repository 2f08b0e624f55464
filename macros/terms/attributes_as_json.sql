{% macro attributes_as_json(input_name) -%}
    {#-
        The attributes of an input as one JSON column: a mart has the same columns whatever the input brings. JSON has no numbers that are not
        finite.
    -#}
    {%- set names = attribute_names(input_name) -%}
    {%- set floats = float_columns(ref('stg_' ~ input_name)) -%}
    {%- if names -%}
        cast(json_object(
            {%- for name in names -%}
                {%- set value = adapter.quote(name) -%}
                {{ quoted_text(name) }}, {{ finite(value) if name in floats else value }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ) as varchar)
    {%- else -%}
        cast(null as varchar)
    {%- endif -%}
{%- endmacro %}
