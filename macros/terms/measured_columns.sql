{% macro measured_columns(relation, leave_out) %}
    {#- The columns of a relation but those left out: [{name, quoted, is_number}]. -#}
    {% set columns = [] %}
    {% for column in adapter.get_columns_in_relation(relation) if execute and column.name not in leave_out %}
        {% set type = column.dtype | lower %}
        {% do columns.append({
            'name': column.name,
            'quoted': adapter.quote(column.name),
            'is_number': type.startswith('decimal') or type in
                ['tinyint', 'smallint', 'integer', 'bigint', 'hugeint', 'ubigint', 'uinteger', 'float', 'double', 'boolean'],
        }) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
