{% macro tested_since(relation, loaded_at='loaded_at') %}
    {#-
        Which rows of a large incremental table a test has to look at: a condition on its loaded_at, which may name the alias
        that the test gives the table, or none for every row.
        A daily run tests what was loaded in the last tested_days before the table's latest load; a full refresh and `dbt test`
        test everything, and so does any run where the table has no loaded_at.
    -#}
    {% if not (execute and loaded_at and flags.WHICH == 'build' and not flags.FULL_REFRESH) %}
        {{ return(none) }}
    {% endif %}
    {% set latest = scalar('select max(' ~ loaded_at.split('.')[-1] ~ ') from ' ~ relation) %}
    {% if latest is none %}
        {{ return(none) }}
    {% endif %}
    {{ return(loaded_at ~ " >= timestamp '" ~ latest ~ "' - interval '" ~ var('tested_days') ~ " days'") }}
{% endmacro %}


{% macro where_tested(relation, loaded_at='loaded_at', keyword='where') %}
    {#- The same as a clause, empty where every row is tested. -#}
    {%- set condition = tested_since(relation, loaded_at) -%}
    {{- keyword ~ ' ' ~ condition if condition -}}
{% endmacro %}
