{% macro segment_dimensions() %}
    {#- The dimensions by which units of experiments are split: those of var dimensions; a unit without a value is 'unknown'. -#}
    {% do validate_kinds_of_settings() %}
    {{ return(var('dimensions')) }}
{% endmacro %}
