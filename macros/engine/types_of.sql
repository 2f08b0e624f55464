{% macro types_of(relation, expressions) %}
    {#- The type of each SQL expression over the columns of a relation, as a dict; nothing is read. -#}
    {% set types = {} %}
    {% if execute and expressions %}
        {% for row in run_query('describe select (' ~ expressions | join('), (') ~ ') from ' ~ relation).rows %}
            {% do types.update({expressions[loop.index0]: row['column_type']}) %}
        {% endfor %}
    {% endif %}
    {{ return(types) }}
{% endmacro %}
