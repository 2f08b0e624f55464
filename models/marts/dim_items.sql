-- Items with their attributes, and how they did before the day as_of_date.

with

events as (

    select *
    from {{ ref('stg_events') }}
    where
        item_id is not null
        and occurred_at < {{ features_as_of() }}

),

items as (

    select
        item_id,
        price,
        {{ attributes_as_json('items') }} as attributes
    from {{ ref('stg_items') }}

),

as_of as (

    select {{ features_as_of() }} as as_of_date

),

popularity as (

    select
        item_id,

        {{ role_counts() }},
        coalesce(sum(revenue), 0) as revenue,
        avg(revenue) filter (where {{ has_role('purchase') }}) as mean_purchase_revenue
    from events
    group by all

),

joined as (

    select
        coalesce(popularity.item_id, items.item_id) as item_id,
        items.attributes,
        -- What people paid stands in for a price that nobody told us.
        coalesce(items.price, popularity.mean_purchase_revenue) as price,
        coalesce(popularity.count_impressions, 0) as count_impressions,
        coalesce(popularity.count_clicks, 0) as count_clicks,
        coalesce(popularity.count_carts, 0) as count_carts,
        coalesce(popularity.count_purchases, 0) as count_purchases,
        coalesce(popularity.revenue, 0) as revenue
    from items
    full outer join popularity on items.item_id = popularity.item_id

)

select
    joined.item_id,
    joined.attributes,
    case ntile(3) over (partition by joined.price is null order by joined.price, joined.item_id)
        when 1 then case when joined.price is not null then 'low' end
        when 2 then case when joined.price is not null then 'middle' end
        when 3 then case when joined.price is not null then 'high' end
    end as price_tier,
    joined.price,
    joined.count_impressions,
    joined.count_clicks,
    joined.count_carts,
    joined.count_purchases,
    joined.revenue,
    joined.count_clicks / nullif(joined.count_impressions, 0) as clicks_per_impression,
    rank() over (order by joined.count_impressions desc) as popularity_rank,
    as_of.as_of_date
from joined
cross join as_of
