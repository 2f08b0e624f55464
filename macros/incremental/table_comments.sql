{% macro table_comments(database, schema) %}
    {#- {table: comment or none} of the tables that a schema holds now. -#}
    {% set comments = {} %}
    {% for row in run_query(
        "select table_name, comment from duckdb_tables() where database_name = '" ~ database ~ "' and schema_name = '" ~ schema ~ "'"
    ) %}
        {% do comments.update({row[0]: row[1]}) %}
    {% endfor %}
    {{ return(comments) }}
{% endmacro %}
