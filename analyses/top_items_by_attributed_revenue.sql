-- Which items earn money through being shown?
--
-- Asked by: category managers and the team that ranks items.
-- How to read it: the hundred items with the most attributed revenue: purchases by users who saw the item inside the
-- attribution window before, refunds not deducted. attributed_purchase_share is the part of all purchases of the item that
-- followed from showing it; the rest was bought without being shown, or later. It looks at purchases before the as_of_date of
-- dim_items, and at impressions whose window was over by then. revenue_per_thousand_impressions says what a place on the page is
-- worth. Last touch and time decay share a purchase among impressions of the same item, so that an item's total is the same by
-- both (see attribution_by_impression_number).
{%- set count_items = 100 %}

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
        impressions.item_id,

        count(*) as count_impressions,
        cast(sum(impressions.count_clicks) as bigint) as count_clicks,
        cast(sum(impressions.count_purchases) as bigint) as count_purchases,
        coalesce(sum(impressions.count_purchases) filter (
            where impressions.impressed_at + {{ attribution_window() }} < items.as_of_date
        ), 0) as count_purchases_before_as_of_date,
        sum(impressions.revenue) as attributed_revenue
    from impressions
    left join items on impressions.item_id = items.item_id
    where impressions.item_id is not null
    group by all

),

ranked as (

    select
        row_number() over (order by attributed.attributed_revenue desc, attributed.item_id asc) as revenue_rank,
        attributed.item_id,
        items.price_tier,
        items.price,
        attributed.count_impressions,
        attributed.count_clicks,
        attributed.count_purchases,
        attributed.attributed_revenue,
        attributed.count_purchases_before_as_of_date / nullif(items.count_purchases, 0) as attributed_purchase_share,
        1000 * attributed.attributed_revenue / attributed.count_impressions as revenue_per_thousand_impressions
    from attributed
    left join items on attributed.item_id = items.item_id

),

top_items as (

    select *
    from ranked
    where
        revenue_rank <= {{ count_items }}
        and attributed_revenue > 0

)

select *
from top_items
order by revenue_rank
