-- Which impressions share in each click, cart and purchase of the same user and item, and by how much.
-- One row per conversion and impression inside the attribution window before it; both credits sum to one over a conversion.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversion_id',
        post_hook='{{ remember_settings() }}',
    )
}}

{%- if is_incremental() %}
    {%- set is_new = "loaded_at > timestamp '" ~ loaded_since() ~ "'" %}
{%- endif %}

with

item_events as {{ inlined() }} (

    select
        event_id,
        user_id,
        item_id,
        {{ conversion_role() }} as conversion_role,
        revenue,
        {{ has_role('impression') }} as is_impression,
        occurred_at,
        loaded_at
    from {{ ref('stg_events') }}
    where
        item_id is not null
        {% if is_incremental() %}
            -- Nothing earlier can change: said here, so that it is not read.
            and occurred_at >= (
                select min(new_events.occurred_at) - {{ attribution_window() }}
                from {{ ref('stg_events') }} as new_events
                where new_events.{{ is_new }}
            )
        {% endif %}

),

{% if is_incremental() %}
new_item_events as (

    select *
    from item_events
    where
        {{ is_new }}
        and (is_impression or conversion_role is not null)

),

{% endif %}
conversions as (

    select
        *,
        occurred_at - {{ attribution_window() }} as window_started_at
    from item_events
    where
        conversion_role is not null
        {% if is_incremental() %}
            and occurred_at >= (select min(new_item_events.occurred_at) from new_item_events)
            and exists (
                select 1
                from new_item_events
                where
                    new_item_events.user_id = item_events.user_id
                    and new_item_events.item_id = item_events.item_id
                    and new_item_events.occurred_at
                    between item_events.occurred_at - {{ attribution_window() }} and item_events.occurred_at
            )
        {% endif %}

),

converted_items as (

    select
        user_id,
        item_id,
        min(window_started_at) as first_window_started_at
    from conversions
    group by all

),

-- Numbering the impressions of a user and item turns "those inside the window" into a range of numbers between two as-of
-- look-ups, so that no row is made that is not a credited pair.
impressions as (

    select
        item_events.event_id,
        item_events.user_id,
        item_events.item_id,
        item_events.occurred_at,
        item_events.loaded_at,
        row_number() over (
            partition by item_events.user_id, item_events.item_id
            order by item_events.occurred_at, item_events.event_id
        ) as touch_number
    from item_events
    inner join converted_items
        on
            item_events.user_id = converted_items.user_id
            and item_events.item_id = converted_items.item_id
            and item_events.occurred_at >= converted_items.first_window_started_at
    where item_events.is_impression

),

touches as (

    select
        user_id,
        item_id,
        occurred_at,
        max(touch_number) as touch_number
    from impressions
    group by all

),

last_touches as (

    select
        conversions.*,
        touches.touch_number as last_touch_number,
        touches.occurred_at as last_touched_at
    from conversions
    {{ as_of_join('conversions', 'touches', ['user_id', 'item_id'], 'conversions.occurred_at >= touches.occurred_at') }}

),

touch_ranges as (

    select
        last_touches.*,
        coalesce(touches.touch_number, 0) + 1 as first_touch_number
    from last_touches
    {{ as_of_join('last_touches', 'touches', ['user_id', 'item_id'], 'last_touches.window_started_at > touches.occurred_at') }}

),

exploded as (

    select
        event_id as conversion_id,
        user_id,
        item_id,
        conversion_role,
        revenue,
        occurred_at as converted_at,
        loaded_at,
        last_touch_number,
        last_touched_at,
        {{ exploded_range('first_touch_number', 'last_touch_number') }} as touch_number
    from touch_ranges
    where last_touch_number >= first_touch_number

),

pairs as (

    select
        exploded.conversion_id,
        impressions.event_id as impression_id,
        exploded.user_id,
        exploded.item_id,
        exploded.conversion_role,
        exploded.revenue,
        exploded.touch_number = exploded.last_touch_number as is_last_touch,
        -- Relative to the last touch, whose weight is then 1: a short half-life can't make all weights vanish.
        pow(2, -(epoch_us(exploded.last_touched_at) - epoch_us(impressions.occurred_at))
        / {{ var('attribution_half_life_minutes') * 60000000.0 }}) as decayed_weight,
        exploded.converted_at,
        impressions.occurred_at as impressed_at,
        greatest(exploded.loaded_at, impressions.loaded_at) as loaded_at
    from exploded
    inner join impressions
        on
            exploded.user_id = impressions.user_id
            and exploded.item_id = impressions.item_id
            and exploded.touch_number = impressions.touch_number

)

select
    conversion_id,
    impression_id,
    user_id,
    item_id,
    conversion_role,
    revenue,
    cast(is_last_touch as double) as last_touch_credit,
    decayed_weight / sum(decayed_weight) over (partition by conversion_id) as time_decay_credit,
    converted_at,
    impressed_at,
    max(loaded_at) over (partition by conversion_id) as loaded_at
from pairs
