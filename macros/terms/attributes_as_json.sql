{% macro attributes_as_json(input_name) -%}
    {#- The attributes of an input as one JSON column: a mart has the same columns whatever the input brings. -#}
    {%- set names = attribute_names(input_name) -%}
    {%- if names -%}
        cast(json_object({% for name in names %}{{ quoted_text(name) }}, {{ adapter.quote(name) }}{{ ', ' if not loop.last }}{% endfor %}) as varchar)
    {%- else -%}
        cast(null as varchar)
    {%- endif -%}
{%- endmacro %}
