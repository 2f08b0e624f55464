{% macro attributes_beside(input_name, taken) %}
    {#- The attributes of an input as columns beside others; one whose name is taken becomes attribute_<name>. -#}
    {%- set names = attribute_names(input_name) -%}
    {%- for name in names %}
    attributes.{{ adapter.quote(name) }}
        {%- if name | lower in taken %} as {{ adapter.quote(_free_name(name, taken + names | map('lower') | list)) }}{% endif %},
    {%- endfor %}
{% endmacro %}


{% macro _free_name(name, taken) %}
    {#- The name behind so many attribute_ that nothing else has it. -#}
    {{ return(name if name | lower not in taken else _free_name('attribute_' ~ name, taken)) }}
{% endmacro %}
