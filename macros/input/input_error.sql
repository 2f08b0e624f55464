{% macro input_error(problems) %}
    {#- Stops before anything is built, with every problem found: the file, the column, what was expected, what to do. -#}
    {% do exceptions.raise_compiler_error(
        '\n\nThe input cannot be used; nothing was built and the published marts are as they were.\n  - '
        ~ problems | join('\n  - ') ~ '\n'
    ) %}
{% endmacro %}
