{% macro input_rows(input_name, loaded_after=none, with_raw=false) %}
    {#-
        Every row of an input, cast to the contract: its columns, the attributes, and _rejection_reason (null: usable).
        with_raw adds _raw_row, the row as it came: see raw_row_as_text. loaded_after keeps the rows that a daily run has not seen.
    -#}
    {%- do source('input', input_name) -%}
    {%- if not execute -%}{{ return('select 1') }}{%- endif -%}
    {%- set scan = input_location(input_name).scan -%}
    {%- set columns = input_contract(input_name).columns -%}
    {%- set present = described_columns(scan) if scan else {} -%}
    {%- set types = _lowered_keys(present) -%}
select
{%- for column in columns %}
    typed.{{ column.name }},
{%- endfor %}
{%- for name in attribute_names(input_name) %}
    typed.{{ adapter.quote(name) }},
{%- endfor %}
{%- if with_raw %}
    typed._raw_row,
{%- endif %}
    case
{%- for column in columns %}
    {%- if column.is_required %}
        when typed._raw_{{ column.name }} is null then '{{ column.name }} is null'
    {%- endif %}
    {%- if column.type != 'varchar' and column.name in types %}
        when typed._raw_{{ column.name }} is not null and typed.{{ column.name }} is null
            then '{{ column.name }} is not a {{ column.type }}'
    {%- endif %}
{%- endfor %}
{%- for column in columns if column.valid_when %}
        when not ({{ column.valid_when }}) then '{{ column.otherwise }}'
{%- endfor %}
    end as _rejection_reason
from (
    select
{%- for column in columns %}
    {%- set original = _raw_value(column.name, types) %}
        {{ original }} as _raw_{{ column.name }},
    {%- if column.defaults_to %}
        case
            when {{ original }} is null
                then {{ _cast_to_contract(column.defaults_to, types, column.type) }}
            else {{ _cast_to_contract(column.name, types, column.type) }}
        end as {{ column.name }},
    {%- else %}
        {{ _cast_to_contract(column.name, types, column.type) }} as {{ column.name }},
    {%- endif %}
{%- endfor %}
{%- for name in attribute_names(input_name) %}
        {{ _raw_value(name, types) }} as {{ adapter.quote(name) }},
{%- endfor %}
        {{ '_row' if with_raw else 'null' }} as _raw_row
    from {{ scan or '(select 1 as nothing where false)' }} as _row
    {{ _where_new(types, loaded_after) }}
) as typed
{%- if loaded_after %}
where coalesce(typed.loaded_at, timestamp 'infinity') > timestamp '{{ loaded_after }}'
{%- endif %}
{% endmacro %}


{% macro _where_new(types, loaded_after) %}
    {#- The condition above, but of the column as it is in the file: what was read before is then skipped unread. -#}
    {%- set moment = 'loaded_at' if 'loaded_at' in types else 'occurred_at' -%}
    {%- if loaded_after and types.get(moment, '').startswith(('timestamp', 'date')) -%}
        where _row.{{ moment }} > timestamp '{{ loaded_after }}' or _row.{{ moment }} is null
    {%- endif -%}
{% endmacro %}


{% macro attribute_names(input_name) %}
    {#- The columns an input has beyond its contract, as they are written; those of events as stg_events writes them already. -#}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set scan = input_location(input_name).scan %}
    {% set declared = input_contract(input_name).columns | map(attribute='name') | list %}
    {% set held = held_event_columns() if input_name == 'events' else {} %}
    {% set names = [] %}
    {% for name in (described_columns(scan) if scan else {}) if name | lower not in declared %}
        {% do names.append(held[name | lower].name if name | lower in held else name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{% macro _lowered_keys(mapping) %}
    {% set lowered = {} %}
    {% for key, value in mapping.items() %}
        {% do lowered.update({key | lower: value}) %}
    {% endfor %}
    {{ return(lowered) }}
{% endmacro %}


{% macro _raw_value(name, types) %}
    {#- A column as it came; an empty text is a missing value, and so is a column that isn't there. -#}
    {%- set expression, type = '_row.' ~ adapter.quote(name), types.get(name | lower) -%}
    {%- if not type -%}
        null
    {%- elif type == 'varchar' -%}
        nullif({{ expression }}, '')
    {%- else -%}
        {{ expression }}
    {%- endif -%}
{% endmacro %}


{% macro _cast_to_contract(name, types, target_type) %}
    {%- set source_type = types.get(name) -%}
    {%- set value = _raw_value(name, types) | trim -%}
    {%- if source_type == 'timestamp with time zone' -%}
        {{ value }} at time zone 'UTC'
    {%- elif target_type == 'timestamp' and source_type == 'varchar' -%}
        try_cast({{ value }} as timestamp with time zone) at time zone 'UTC'
    {%- elif source_type == target_type -%}
        {{ value }}
    {%- elif target_type == 'varchar' and source_type in ['double', 'float'] -%}
        {#- Whole numbers of a column that has nulls come as 7.0 from pandas; up to 2^53 they are exact. -#}
        case
            when {{ value }} = trunc({{ value }}) and abs({{ value }}) < 9007199254740992
                then cast(try_cast({{ value }} as bigint) as varchar)
            else cast({{ value }} as varchar)
        end
    {%- else -%}
        try_cast({{ value }} as {{ target_type }})
    {%- endif -%}
{% endmacro %}
