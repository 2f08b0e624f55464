{% macro hash_of(expression) %}
    {#- A 64-bit hash: for grouping and ordering, never an identity. -#}
    {{- return(adapter.dispatch('hash_of')(expression)) -}}
{% endmacro %}

{% macro default__hash_of(expression) %}hash({{ expression }}){% endmacro %}

{% macro spark__hash_of(expression) %}xxhash64({{ expression }}){% endmacro %}
