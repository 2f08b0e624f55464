{% macro relation_exists(name) %}
    {#- Whether a table or view answers to this name, with or without schema and database. -#}
    {{ return(scalar(
        "select count(*) from information_schema.tables where lower(" ~ quoted_text(name) ~ ") in ("
        ~ "lower(table_name), lower(table_schema || '.' || table_name), "
        ~ "lower(table_catalog || '.' || table_schema || '.' || table_name))"
    ) > 0) }}
{% endmacro %}
