{% macro described_columns(scan, lowered=true) %}
    {#- {name as written: type} of what a FROM clause yields; lowered: the type in small letters, with the names that stand in it. -#}
    {% set columns = {} %}
    {% for row in run_query('describe select * from ' ~ scan) %}
        {% do columns.update({row[0]: row[1] | lower if lowered else row[1]}) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
