{% macro attributes_beside(input_name, relation) %}
    {#- The attributes of an input as columns beside a relation's own; one whose name is taken there becomes attribute_<name>. -#}
    {%- set taken = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list if execute else [] -%}
    {%- for name in attribute_names(input_name) %}
    attributes.{{ adapter.quote(name) }}{{ ' as ' ~ adapter.quote('attribute_' ~ name) if name | lower in taken }},
    {%- endfor %}
{% endmacro %}
