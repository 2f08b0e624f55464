{% macro is_number_type(type) %}
    {#- Whether a column type holds numbers, or flags, which count as 0 and 1. -#}
    {{ return(type | upper in ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT',
        'UHUGEINT', 'FLOAT', 'DOUBLE', 'BOOLEAN'] or (type | upper).startswith('DECIMAL')) }}
{% endmacro %}
