{% macro referenced_columns(expressions) %}
    {#- The columns that each SQL expression reads, as a list a dict maps it to; an empty dict where the engine can't tell. -#}
    {{ return(adapter.dispatch('referenced_columns')(expressions)) }}
{% endmacro %}

{% macro default__referenced_columns(expressions) %}
    {{ return({}) }}
{% endmacro %}

{% macro duckdb__referenced_columns(expressions) %}
    {% set selects = [] %}
    {% for expression in expressions %}
        {% set quoted = quoted_text(expression) %}
        {% do selects.append("select " ~ quoted ~ " as expression, json_extract_string(json_serialize_sql('select ' || " ~ quoted
            ~ "), '$..column_names[0]') as columns") %}
    {% endfor %}
    {% set found = {} %}
    {% if execute and selects %}
        {% for row in run_query('select expression, array_to_string(columns, chr(10)) from (' ~ selects | join(' union all ') ~ ')').rows %}
            {% do found.update({row[0]: (row[1] or '').split('\n') | reject('equalto', '') | list}) %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}
