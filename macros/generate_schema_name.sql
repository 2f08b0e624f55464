{% macro generate_schema_name(custom_schema_name, node) %}
    {#- Schemas are called what the folders' configuration says: main holds the marts, without a prefix. -#}
    {{- custom_schema_name or target.schema -}}
{% endmacro %}
