{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) %}
    {#-
        A table without a contract gets the constraints of its described columns too, as one with a contract does: stg_events, whose
        further columns are those of the input. Everything else is left to the adapter.
    -#}
    {% set constrained = model.columns.values() | selectattr('constraints') | map(attribute='name') | list %}
    {% if temporary or language != 'sql' or config.get('contract').enforced or not constrained %}
        {{ return(dbt.duckdb__create_table_as(temporary, relation, compiled_code, language, partitioned_by, sorted_by)) }}
    {% endif %}

    {% set columns = {} %}
    {% for row in run_query('describe ' ~ compiled_code) %}
        {% do columns.update({row[0]: {
            'name': row[0],
            'data_type': row[1],
            'quote': true,
            'constraints': model.columns[row[0]].constraints if row[0] in constrained else [],
        }}) %}
    {% endfor %}
    create table {{ relation }} (
        {{ adapter.render_raw_columns_constraints(raw_columns=columns) | join(',\n        ') }}
    );
    insert into {{ relation }}
    {{ compiled_code }};
{% endmacro %}
