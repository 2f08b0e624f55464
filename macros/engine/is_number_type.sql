{% macro is_number_type(type) %}
    {#- Whether a column type holds numbers, or flags, which count as 0 and 1. -#}
    {{ return(type | upper in ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT',
        'UHUGEINT', 'FLOAT', 'DOUBLE', 'BOOLEAN'] or (type | upper).startswith('DECIMAL')) }}
{% endmacro %}


{% macro float_columns(relation) %}
    {#- The columns of a relation that can hold infinity, or what is not a number; none while parsing. -#}
    {{ return(adapter.get_columns_in_relation(relation) | selectattr('dtype', 'in', ['FLOAT', 'DOUBLE']) | map(attribute='name') | list
        if execute else []) }}
{% endmacro %}
