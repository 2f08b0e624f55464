{% macro scalar(sql) %}
    {#- The one value of a one-row query, none while parsing. -#}
    {% if execute %}
        {{ return(run_query(sql).columns[0].values()[0]) }}
    {% endif %}
{% endmacro %}
