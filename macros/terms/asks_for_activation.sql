{% macro asks_for_activation() %}
    {#- Whether any experiment of the registry counts units only from an event on; true before the registry is built. -#}
    {% set registry = adapter.get_relation(target.database, 'registry', 'experiments') if execute %}
    {% if not registry %}
        {{ return(true) }}
    {% endif %}
    {{ return(scalar('select count(activation_event_type) from ' ~ registry) > 0) }}
{% endmacro %}
