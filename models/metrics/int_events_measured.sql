-- Events with the parts they play as columns, so that a measure is one expression. One row per event.
{{ config(materialized='view') }}

select
    {{ has_role('impression') }} as is_impression,
    {{ has_role('click') }} as is_click,
    {{ has_role('cart') }} as is_cart,
    {{ has_role('purchase') }} as is_purchase,
    -- At the end, where an attribute of one of these names makes way: it becomes is_click_1.
    *
from {{ ref('stg_events') }}
