{% macro event_types_of(role) %}
    {#- The event types that play a role, as var event_roles declares them; one that is left out is played by the type of its own name. -#}
    {{ return(var('event_roles').get(role, [role])) }}
{% endmacro %}
