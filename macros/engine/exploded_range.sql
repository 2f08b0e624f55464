{% macro exploded_range(first, last) %}
    {#- One row for each whole number from first to last. -#}
    {{- return(adapter.dispatch('exploded_range')(first, last)) -}}
{% endmacro %}

{% macro default__exploded_range(first, last) %}unnest(generate_series({{ first }}, {{ last }})){% endmacro %}

{% macro spark__exploded_range(first, last) %}explode(sequence({{ first }}, {{ last }})){% endmacro %}
