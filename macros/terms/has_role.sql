{% macro has_role(role) %}
    {#- Whether an event plays a role. -#}
    {%- do validate_kinds_of_settings() -%}
    event_type in ({{ quoted_texts(event_types_of(role)) }})
{%- endmacro %}
