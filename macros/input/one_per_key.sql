{% macro repeats_of_keys(input_name) -%}
    {#-
        CTEs over one of that name, which has the input_rows with _raw_row: repeated_keys, and the usable rows that have one, numbered as
        they sort as text. Only of these a text is made, which costs more than reading the row does.
    -#}
    {%- set keys = key_names(input_name) -%}
{{ input_name }}_repeated_keys as (

    select
        {{ keys | join(',\n        ') }}
    from {{ input_name }}
    where _rejection_reason is null
    group by all
    having count(*) > 1

),

{{ input_name }}_repeats as (

    select
        {{ input_name }}.*,
        row_number() over (
            partition by {{ _of(input_name, keys) }}
            order by {{ raw_row_as_text() }}
        ) as copy_number
    from {{ input_name }}
    inner join {{ input_name }}_repeated_keys as repeated
        on {{ _same(input_name, keys) }}
    where {{ input_name }}._rejection_reason is null

)
{%- endmacro %}


{% macro one_per_key(input_name) -%}
    {#- The usable rows of an input, one per key; of several the one that sorts first as text. -#}
    {%- set keys = key_names(input_name) -%}
with

{{ input_name }} as {{ inlined() }} (

    {{ input_rows(input_name, with_raw=true) }}

),

{{ repeats_of_keys(input_name) }}

select
    {{ input_columns(input_name, of=input_name) }}
from {{ input_name }}
left join {{ input_name }}_repeated_keys as repeated
    on {{ _same(input_name, keys) }}
where
    {{ input_name }}._rejection_reason is null
    and repeated.{{ keys[0] }} is null

union all

select
    {{ input_columns(input_name) }}
from {{ input_name }}_repeats
where copy_number = 1
{%- endmacro %}


{% macro key_names(input_name) %}
    {#- The columns that tell the rows of an input apart; none where rows may repeat. -#}
    {% set columns = input_contract(input_name).columns if execute else [{'name': 'nothing', 'is_key': true}] %}
    {{ return(columns | selectattr('is_key') | map(attribute='name') | list) }}
{% endmacro %}


{% macro _of(relation, columns) %}
    {{- return(relation ~ '.' ~ columns | join(', ' ~ relation ~ '.')) -}}
{% endmacro %}


{% macro _same(input_name, keys) -%}
    {%- for key in keys -%}
        {{ 'and ' if not loop.first }}{{ input_name }}.{{ key }} = repeated.{{ key }}{{ '\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
