-- How the metrics and attributes of users are distributed, over everything ('all') and by arm of each experiment.
{%- set columns = measured_columns(ref('int_users_profiled'), ['experiment_id', 'variant_id', 'user_id']) %}
{%- for column in columns if column.is_number %}
    {%- do column.update({'number_value': finite('cast(' ~ column.quoted ~ ' as double)')}) %}
{%- endfor %}

with

users as {{ inlined() }} (

    select *
    from {{ ref('int_users_profiled') }}

),

{% for column in columns %}
column_{{ column.number }}_values as (

    select
        experiment_id,
        variant_id,
        -- Sums of the same numbers can differ in the last digits; they are one value here.
        {{ 'round(' ~ column.number_value ~ ', 6)' if column.is_number else column.quoted }} as measured_value,

        count(*) as count_users
    from users
    group by all

),

column_{{ column.number }}_profile as (

    select
        experiment_id,
        variant_id,
        {{ quoted_text(column.name) }} as column_name,

        arg_max(
            cast(measured_value as varchar), row(count_users, cast(measured_value as varchar))
        ) filter (where measured_value is not null) as most_common_value,
        cast(sum(count_users) as bigint) as count_users,
        cast(coalesce(sum(count_users) filter (where measured_value is not null), 0) as bigint) as count_values,
        count(measured_value) as count_distinct_values,
        max(count_users) filter (where measured_value is not null) / sum(count_users) as most_common_share
    from column_{{ column.number }}_values
    group by all

){{ ',' }}
{% endfor %}

distributions as (

    select
        experiment_id,
        variant_id,

        {% for column in columns if column.is_number %}
            avg({{ column.number_value }}) as mean_{{ column.number }},
            stddev_samp({{ column.number_value }}) as standard_deviation_{{ column.number }},
            quantile_cont({{ column.number_value }}, [0, 0.25, 0.5, 0.75, 0.95, 1]) as quantiles_{{ column.number }},
        {% endfor %}
        count(*) as count_users
    from users
    group by all

)

{% for column in columns %}
select
    profile.experiment_id,
    profile.variant_id,
    profile.column_name,
    profile.most_common_value,
    profile.count_users,
    profile.count_values,
    profile.count_distinct_values,
    profile.most_common_share,
    {% if column.is_number %}
        distributions.mean_{{ column.number }} as mean,
        distributions.standard_deviation_{{ column.number }} as standard_deviation,
        {% for name in ['minimum', 'p25', 'median', 'p75', 'p95', 'maximum'] %}
            distributions.quantiles_{{ column.number }}[{{ loop.index }}] as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    {% else %}
        {% for name in ['mean', 'standard_deviation', 'minimum', 'p25', 'median', 'p75', 'p95', 'maximum'] %}
            cast(null as double) as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    {% endif %}
from column_{{ column.number }}_profile as profile
inner join distributions
    on
        profile.experiment_id = distributions.experiment_id
        and profile.variant_id = distributions.variant_id
{{ 'union all' if not loop.last }}
{% endfor %}
