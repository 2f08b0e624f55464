{% macro event_number(occurred_at, kind) %}
    {#-
        An event as one number: when it was, then a hash of the columns that say what it was. The least of some events is the first of
        them, and min finds it faster than arg_min does. Events of the same instant come always in the same order: those that are
        alike in these columns can stand for each other.
    -#}
    {{- return(adapter.dispatch('event_number')(occurred_at, kind)) -}}
{% endmacro %}

{% macro default__event_number(occurred_at, kind) -%}
    epoch_us({{ occurred_at }})::hugeint * 4611686018427387904 + {{ kind_number(kind) }}
{%- endmacro %}


{% macro kind_number(kind) %}
    {#- The lower 62 bits of an event's number. -#}
    {{- return(adapter.dispatch('kind_number')(kind)) -}}
{% endmacro %}

{% macro default__kind_number(kind) %}({{ hash_of(kind) }} // 4)::bigint{% endmacro %}


{% macro kind_in_event_number(number) %}
    {#- The kind_number in it. -#}
    {{- return(adapter.dispatch('kind_in_event_number')(number)) -}}
{% endmacro %}

{% macro default__kind_in_event_number(number) %}({{ number }} & 4611686018427387903)::bigint{% endmacro %}


{% macro moment_in_event_number(number) %}
    {#- The occurred_at in it. -#}
    {{- return(adapter.dispatch('moment_in_event_number')(number)) -}}
{% endmacro %}

{% macro default__moment_in_event_number(number) %}make_timestamp(({{ number }} >> 62)::bigint){% endmacro %}
