{% macro finite(number) %}
    {#- A floating-point number; null where it is infinite or not a number, which counts as missing. -#}
    {{- return(adapter.dispatch('finite')(number)) -}}
{% endmacro %}

{% macro default__finite(number) %}case when isfinite({{ number }}) then {{ number }} end{% endmacro %}

{% macro spark__finite(number) %}case when abs({{ number }}) < double('infinity') then {{ number }} end{% endmacro %}
