{% macro events_watermark() %}
    {#- When the last event that stg_events holds was loaded; none when it is to be built in full. -#}
    {% if execute %}
        {% set events = adapter.get_relation(target.database, 'staging', 'stg_events') %}
        {% if events and not needs_full_refresh(events) %}
            {{ return(scalar('select max(loaded_at) from ' ~ events)) }}
        {% endif %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
