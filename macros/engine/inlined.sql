{% macro inlined() %}
    {#-
        For a CTE that is read more than once: read the table again, with what each reader filters and leaves out, rather than keep
        all of its rows in memory.
    -#}
    {{- return(adapter.dispatch('inlined')()) -}}
{% endmacro %}

{% macro default__inlined() %}not materialized{% endmacro %}

{% macro spark__inlined() %}{% endmacro %}
