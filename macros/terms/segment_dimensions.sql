{% macro segment_dimensions() %}
    {#- The dimensions by which units of experiments are split: those of var dimensions; a unit without a value is 'unknown'. -#}
    {{ return(var('dimensions')) }}
{% endmacro %}
