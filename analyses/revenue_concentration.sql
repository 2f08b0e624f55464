-- How much of the revenue comes from the few users who spend most?
--
-- Asked by: finance, and whoever plans an experiment on revenue.
-- How to read it: the top_share of active users with the highest revenue brought revenue_share of all revenue. If one user in a
-- hundred brings a large part, an experiment on revenue needs capping and a long run: a handful of users decide its result.

with

users as (

    select *
    from {{ ref('dim_users') }}
    where lifetime_days_active > 0

),

ranked as (

    select
        lifetime_revenue,
        row_number() over (order by lifetime_revenue desc, user_id asc) as revenue_rank,
        count(*) over () as count_all_users,
        sum(lifetime_revenue) over () as all_revenue
    from users

),

top_shares as (

    {% for top_share in [0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1] %}
        select {{ top_share }} as top_share
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

concentration as (

    select
        cast(top_shares.top_share as double) as top_share,

        count(*) as count_users,
        min(ranked.lifetime_revenue) as lowest_revenue,
        sum(ranked.lifetime_revenue) as revenue,
        sum(ranked.lifetime_revenue) / nullif(max(ranked.all_revenue), 0) as revenue_share
    from top_shares
    inner join ranked on ceil(top_shares.top_share * ranked.count_all_users) >= ranked.revenue_rank
    group by top_shares.top_share

)

select *
from concentration
order by top_share
