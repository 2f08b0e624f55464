{% macro session_span(moment) -%}
    {#-
        The span of the clock, as long as the session timeout, in which a moment lies. No gap inside a span exceeds the timeout, so that
        all events of a user in one span are of one session.
    -#}
    {%- do validate_kinds_of_settings() -%}
    epoch_us({{ moment }}) // {{ (var('session_timeout_minutes') * 60000000) | int }}
{%- endmacro %}
