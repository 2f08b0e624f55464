-- Taobao UserBehavior: what shoppers viewed (pv), put in the cart, marked as a favourite (fav) and bought. One row per event.
-- The data has no key of its own: an event is known by its line, so every line is an event.
select
    cast(row_number() over () as varchar) as event_id,
    cast(user_id as varchar) as user_id,
    behavior as event_type,
    make_timestamp(cast(ts as bigint) * 1000000) as occurred_at,
    cast(item_id as varchar) as item_id,
    cast(category_id as varchar) as category_id
from $source
