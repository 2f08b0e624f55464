{% macro some_of(names) %}
    {{ return(names[:5] | join(', ') ~ (' and ' ~ (names | length - 5) ~ ' more' if names | length > 5 else '')) }}
{% endmacro %}
