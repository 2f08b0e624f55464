{% macro columns_tested(test_name, columns, column_name=none) %}
    {#- The columns a generic test looks at: those it names, or the one it stands under. -#}
    {% set tested = columns or [column_name] %}
    {% if tested is string or tested is mapping or tested is not iterable or tested | reject('string') | list %}
        {% do exceptions.raise_compiler_error(
            test_name ~ ': columns == ' ~ columns ~ ', must be a list of column names such as [user_id, activity_date]'
        ) %}
    {% endif %}
    {{ return(tested) }}
{% endmacro %}
