-- What impressions are credited with adds up, by role and by revenue, to the conversions that were credited.

with

conversions as (

    select
        {% for role in ['click', 'cart', 'purchase'] %}
            count(distinct {{ hash_of('conversion_id') }}) filter (where conversion_role = '{{ role }}') as count_{{ role }}s,
        {% endfor %}
        coalesce(sum(revenue * last_touch_credit), 0) as revenue,
        coalesce(sum(abs(revenue * last_touch_credit)), 0) as absolute_revenue
    from {{ ref('int_conversions_credited') }}

),

impressions as (

    select
        {% for role in ['click', 'cart', 'purchase'] %}
            coalesce(sum(count_{{ role }}s), 0) as count_{{ role }}s,
            coalesce(sum(decayed_{{ role }}s), 0) as decayed_{{ role }}s,
        {% endfor %}
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(decayed_revenue), 0) as decayed_revenue
    from {{ ref('fct_impressions') }}

),

compared as (

    {% for role in ['click', 'cart', 'purchase'] %}
        select
            '{{ role }}s' as measure,
            conversions.count_{{ role }}s as credited,
            impressions.count_{{ role }}s as by_last_touch,
            impressions.decayed_{{ role }}s as by_time_decay,
            1e-6 * conversions.count_{{ role }}s as tolerance
        from conversions
        cross join impressions

        union all
    {% endfor %}

    select
        'revenue' as measure,
        conversions.revenue as credited,
        impressions.revenue as by_last_touch,
        impressions.decayed_revenue as by_time_decay,
        1e-6 * conversions.absolute_revenue as tolerance
    from conversions
    cross join impressions

)

select *
from compared
where
    abs(by_last_touch - credited) > tolerance
    or abs(by_time_decay - credited) > tolerance
