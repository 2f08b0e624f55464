{% test grain_is_unique(model, columns, loaded_at=none) %}
    {#-
        One row per combination of columns. Only hashes are grouped for the whole table; rows whose hashes are equal are then
        compared by the columns themselves. With loaded_at, a daily run tests the keys that were loaded lately, against all rows.
    -#}
    {%- set columns = columns_tested('grain_is_unique', columns) -%}
    {%- set key = columns | join(', ') -%}
    {%- set recently = tested_since(model, loaded_at) -%}

with

suspects as (

    select {{ hash_of(key) }} as key_hash
    from {{ model }}
    {% if recently %}
        where {{ hash_of(key) }} in (select {{ hash_of(key) }} from {{ model }} where {{ recently }})
    {% endif %}
    group by 1
    having count(*) > 1

)

select
    {{ key }},

    count(*) as count_rows
from {{ model }}
where {{ hash_of(key) }} in (select suspects.key_hash from suspects)
group by {{ key }}
having count(*) > 1
{% endtest %}
