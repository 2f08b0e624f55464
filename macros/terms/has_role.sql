{% macro has_role(role) %}
    {#- Whether an event plays a role; the event types that play it are declared in var event_roles. -#}
    {%- do validate_kinds_of_settings() -%}
    {%- set event_types = var('event_roles').get(role, [role]) -%}
    event_type in ({{ quoted_texts(event_types) }})
{%- endmacro %}
