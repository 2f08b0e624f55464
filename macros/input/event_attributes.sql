{% macro held_event_columns() %}
    {#- {name in small letters: column} of what stg_events holds; none where it is to be built in full. -#}
    {% set events = adapter.get_relation(target.database, 'staging', 'stg_events') if execute %}
    {% set held = {} %}
    {% for column in (adapter.get_columns_in_relation(events) if events and not needs_full_refresh(events) else []) %}
        {% do held.update({column.name | lower: column}) %}
    {% endfor %}
    {{ return(held) }}
{% endmacro %}


{% macro changed_attributes(scan) %}
    {#-
        The attributes of events that come with another type than stg_events holds them in: [{name, type, held_type, kept_type}], the name as
        it is there. Numbers and nested values are kept in the type that holds both; for all else the held type stays.
    -#}
    {% set held, changed = held_event_columns(), [] %}
    {% set declared = input_contract('events').columns | map(attribute='name') | list %}
    {% for name, type in (described_columns(scan) if held and scan else {}).items() if name | lower in held and name | lower not in declared %}
        {% set column = held[name | lower] %}
        {% if type != column.dtype | lower %}
            {% do changed.append({'name': column.name, 'type': type, 'held_type': column.dtype, 'kept_type': _wider_type(column.dtype, type)}) %}
        {% endif %}
    {% endfor %}
    {{ return(changed) }}
{% endmacro %}


{% macro widen_attributes() %}
    {#- Pre-hook of stg_events: a column takes on the type that this load needs: an insert would round its numbers, and drop its new fields. -#}
    {% if is_incremental() %}
        {% for attribute in changed_attributes(input_location('events').scan) if attribute.kept_type != attribute.held_type %}
            alter table {{ this }} alter column {{ adapter.quote(attribute.name) }} set data type {{ attribute.kept_type }};
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro _wider_type(held, other) %}
    {#- A column of which nothing is known but nulls has the type "NULL". -#}
    {% if is_number_type(held) and is_number_type(other) or is_nested_type(held) and is_nested_type(other) or held == '"NULL"' %}
        {{ return(scalar('select typeof(number) from (select cast(null as ' ~ held ~ ') as number union all select cast(null as '
            ~ other ~ ')) limit 1')) }}
    {% endif %}
    {{ return(held) }}
{% endmacro %}
