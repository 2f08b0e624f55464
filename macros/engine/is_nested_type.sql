{% macro is_nested_type(type) %}
    {#- Whether a column type holds values of several fields or parts. -#}
    {{ return(type.endswith(']') or (type | upper).startswith(('STRUCT', 'MAP', 'UNION'))) }}
{% endmacro %}
