-- Does the first sight of an item earn the money, or the last, and how much does the way of sharing credit matter?
--
-- Asked by: the team that ranks or recommends items, and marketing.
-- How to read it: impressions are numbered within a user and item; from ten on they are one row. Last touch gives a
-- conversion to the latest impression before it, time decay shares it with the earlier ones inside the attribution window. Where
-- time_decay_revenue is above last_touch_revenue, early impressions prepared what later ones took the credit for. The totals
-- of the two columns are equal.

with

impressions as (

    select *
    from {{ ref('fct_impressions') }}
    where item_id is not null

),

numbered as (

    select
        *,
        row_number() over (partition by user_id, item_id order by impressed_at, impression_id) as impression_number
    from impressions

),

by_number as (

    select
        least(impression_number, 10) as impression_number,

        count(*) as count_impressions,
        count(*) filter (where count_clicks > 0) / count(*) as click_rate,
        cast(sum(count_clicks) as bigint) as last_touch_clicks,
        sum(decayed_clicks) as time_decay_clicks,
        sum(revenue) as last_touch_revenue,
        sum(decayed_revenue) as time_decay_revenue
    from numbered
    group by least(impression_number, 10)

),

with_shares as (

    select
        *,
        last_touch_revenue / nullif(sum(last_touch_revenue) over (), 0) as last_touch_revenue_share,
        time_decay_revenue / nullif(sum(time_decay_revenue) over (), 0) as time_decay_revenue_share
    from by_number

)

select *
from with_shares
order by impression_number
