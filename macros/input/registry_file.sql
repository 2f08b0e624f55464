{% macro registry_file(name) %}
    {#- Path of a table of the registry, as messages name it. -#}
    {{- return((env_var('LIFTHOUSE_REGISTRY', '') or 'seeds') ~ '/' ~ name ~ '.csv') -}}
{% endmacro %}
