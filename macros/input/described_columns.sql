{% macro described_columns(scan) %}
    {#- {name as written: type} of what a FROM clause yields. -#}
    {% set columns = {} %}
    {% for row in run_query('describe select * from ' ~ scan) %}
        {% do columns.update({row[0]: row[1] | lower}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
