{% macro attributes_beside(input_name, taken) %}
    {#- The attributes of an input as columns beside others; one whose name is taken becomes attribute_<name>. -#}
    {%- for name in attribute_names(input_name) %}
    attributes.{{ adapter.quote(name) }}{{ ' as ' ~ adapter.quote('attribute_' ~ name) if name | lower in taken }},
    {%- endfor %}
{% endmacro %}
