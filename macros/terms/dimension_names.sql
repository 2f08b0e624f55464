{% macro dimension_names() %}
    {#- The dimensions of var dimensions that the users of this warehouse have. -#}
    {% set attributes = attribute_names('users') | map('lower') | list %}
    {% set names = [] %}
    {% for name in var('dimensions') if name | lower in attributes %}
        {% do names.append(name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
