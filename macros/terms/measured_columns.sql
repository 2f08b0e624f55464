{% macro measured_columns(relation, leave_out) %}
    {#-
        The columns of a relation but those left out: [{name, quoted, number, is_number}]. Before the relation is first built (dbt compile,
        lint) two stand in for them, so that what is written of it is still SQL.
    -#}
    {% set columns = [] %}
    {% for column in adapter.get_columns_in_relation(relation) if execute and column.name not in leave_out %}
        {% do columns.append({
            'name': column.name,
            'quoted': adapter.quote(column.name),
            'number': columns | length + 1,
            'is_number': is_number_type(column.dtype),
        }) %}
    {% endfor %}
    {{ return(columns or [
        {'name': 'unknown_1', 'quoted': adapter.quote('unknown_1'), 'number': 1, 'is_number': true},
        {'name': 'unknown_2', 'quoted': adapter.quote('unknown_2'), 'number': 2, 'is_number': true},
    ]) }}
{% endmacro %}
