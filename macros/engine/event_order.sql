{% macro event_order(occurred_at, event_id) %}
    {#- One number that orders events by time, and events of the same instant always the same way. -#}
    {{- return(adapter.dispatch('event_order')(occurred_at, event_id)) -}}
{% endmacro %}

{% macro default__event_order(occurred_at, event_id) -%}
    epoch_us({{ occurred_at }})::hugeint * 4611686018427387904 + {{ hash_of(event_id) }} // 4
{%- endmacro %}
