{% macro input_names() %}
    {{ return(['events', 'exposures', 'users', 'items', 'observations']) }}
{% endmacro %}
