-- How the metrics and numeric attributes of users move together, over everything ('all') and by arm of each experiment.
{%- set columns = measured_columns(ref('int_users_profiled'), ['experiment_id', 'variant_id', 'user_id'])
    | selectattr('is_number') | list %}
{%- set pairs = [] %}
{%- for first in columns %}
    {%- for second in columns[loop.index:] %}
        {%- do pairs.append([first, second]) %}
    {%- endfor %}
{%- endfor %}

with

users as (

    select *
    from {{ ref('int_users_profiled') }}

),

correlated as (

    select
        experiment_id,
        variant_id,

        {% for first, second in pairs %}
            corr(cast({{ first.quoted }} as double), cast({{ second.quoted }} as double)) as correlation_{{ loop.index }},
            regr_count(cast({{ first.quoted }} as double), cast({{ second.quoted }} as double)) as count_users_{{ loop.index }},
        {% endfor %}
        count(*) as count_users
    from users
    group by all

),

by_pair as (

    {% for first, second in pairs %}
        select
            experiment_id,
            variant_id,
            '{{ first.name }}' as column_name,
            '{{ second.name }}' as other_column_name,
            count_users_{{ loop.index }} as count_users,
            correlation_{{ loop.index }} as correlation
        from correlated
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    experiment_id,
    variant_id,
    column_name,
    other_column_name,
    case
        when count_users < 2 then 'fewer than two users have both'
        when correlation is null or isnan(correlation) then 'one of the columns is constant'
    end as reason,
    cast(count_users as bigint) as count_users,
    case when not isnan(correlation) then correlation end as correlation
from by_pair
