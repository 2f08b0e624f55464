-- Do cheap or expensive items earn the money that impressions bring?
--
-- Asked by: category managers.
-- How to read it: a third of the items with a known price is in each tier. Compare attributed_revenue_share with
-- impression_share: a tier with more revenue than impressions earns its place on the page. Conversions are counted by last
-- touch; by time decay a tier's totals are the same, because credit is shared among impressions of one item.

with

impressions as (

    select *
    from {{ ref('fct_impressions') }}

),

items as (

    select *
    from {{ ref('dim_items') }}

),

attributed as (

    select
        coalesce(items.price_tier, 'unknown') as price_tier,

        count(distinct items.item_id) as count_items,
        min(items.price) as lowest_price,
        max(items.price) as highest_price,
        count(*) as count_impressions,
        cast(sum(impressions.count_clicks) as bigint) as count_clicks,
        cast(sum(impressions.count_carts) as bigint) as count_carts,
        cast(sum(impressions.count_purchases) as bigint) as count_purchases,
        sum(impressions.revenue) as attributed_revenue
    from impressions
    left join items on impressions.item_id = items.item_id
    group by all

),

with_shares as (

    select
        *,
        count_impressions / sum(count_impressions) over () as impression_share,
        attributed_revenue / nullif(sum(attributed_revenue) over (), 0) as attributed_revenue_share
    from attributed

)

select *
from with_shares
order by lowest_price
