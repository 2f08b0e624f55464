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
        it is there. Numbers are kept in the type that holds both, nested values with the fields of both, a column of nulls in the load's type; for
        all else the held type stays.
    -#}
    {% set held, changed = held_event_columns(), [] %}
    {% set declared = input_contract('events').columns | map(attribute='name') | list %}
    {% for name, type in (described_columns(scan, lowered=false) if held and scan else {}).items() if name | lower in held and name | lower not in declared %}
        {% set column = held[name | lower] %}
        {% if type != column.dtype %}
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
    {% if held == '"NULL"' %}
        {#- What a column is called of which nothing is known but nulls. -#}
        {{ return(other) }}
    {% elif is_number_type(held) and is_number_type(other) %}
        {{ return(scalar('select typeof(number) from (select cast(null as ' ~ held ~ ') as number union all select cast(null as '
            ~ other ~ ')) limit 1')) }}
    {% elif held.endswith('[]') and other.endswith('[]') %}
        {{ return(_wider_type(held[:-2], other[:-2]) ~ '[]') }}
    {% elif _is_struct(held) and _is_struct(other) %}
        {% set fields, name_of, written = _fields(held), {}, [] %}
        {% for name in fields %}
            {% do name_of.update({name | lower: name}) %}
        {% endfor %}
        {% for name, type in _fields(other).items() %}
            {% set known = name_of.get(name | lower) %}
            {% do fields.update({known: _wider_type(fields[known], type)} if known else {name: type}) %}
        {% endfor %}
        {% for name, type in fields.items() %}
            {% do written.append(adapter.quote(name.replace('"', '""')) ~ ' ' ~ type) %}
        {% endfor %}
        {#- As DuckDB writes it: a type that is no wider is then the held one. -#}
        {{ return(scalar('select typeof(cast(null as struct(' ~ written | join(', ') ~ ')))')) }}
    {% endif %}
    {{ return(held) }}
{% endmacro %}


{% macro _is_struct(type) %}
    {{ return(type.startswith('STRUCT') and not type.endswith(']')) }}
{% endmacro %}


{% macro _fields(struct) %}
    {{ return(described_columns('(select unnest(cast(null as ' ~ struct ~ ')))', lowered=false)) }}
{% endmacro %}
