{% macro relation_exists(name) %}
    {#-
        Whether a query can call a table or view so: its name, with the schema where that is not main, with the database where it is another,
        and each in double quotes where it isn't made of letters, digits and underscores.
    -#}
    {% set part = '(?:"[^"]+"|[A-Za-z_]\\w*)' %}
    {% if not modules.re.fullmatch(part ~ '(?:\\.' ~ part ~ '){0,2}', name | string) %}
        {{ return(false) }}
    {% endif %}
    {% set parts = modules.re.findall(part, name) | map('replace', '"', '') | map('lower') | list %}
    {{ return(scalar(
        'select count(*) from (select database_name, schema_name, table_name as name from duckdb_tables()'
        ~ ' union all select database_name, schema_name, view_name from duckdb_views()) as relations where ' ~ quoted_text(parts | join('.'))
        ~ " in (lower(concat_ws('.', database_name, schema_name, name)), "
        ~ "if(database_name = current_database(), lower(concat_ws('.', schema_name, name)), null), "
        ~ "if(schema_name = 'main', lower(concat_ws('.', database_name, name)), null), "
        ~ "if(database_name = current_database() and schema_name = 'main', lower(name), null))"
    ) > 0) }}
{% endmacro %}
