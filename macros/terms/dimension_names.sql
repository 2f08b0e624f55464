{% macro dimension_names() %}
    {#- The dimensions of var dimensions that the users of this warehouse have. -#}
    {% set attributes = attribute_names('users') | map('lower') | list %}
    {{ return(var('dimensions') | select('in', attributes) | list) }}
{% endmacro %}
