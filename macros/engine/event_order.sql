{% macro event_order(occurred_at, picked) %}
    {#-
        One number that orders events by time, and events of the same instant by a hash of what is picked from them: always the same way,
        as events that are alike in that can stand for each other.
    -#}
    {{- return(adapter.dispatch('event_order')(occurred_at, picked)) -}}
{% endmacro %}

{% macro default__event_order(occurred_at, picked) -%}
    epoch_us({{ occurred_at }})::hugeint * 4611686018427387904 + {{ hash_of(picked) }} // 4
{%- endmacro %}
