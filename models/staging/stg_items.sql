-- Usable rows of items, one per item_id. Of several, the one that sorts first as text is kept and the others are in quarantine.

with

items as (

    {{ input_rows('items', with_raw=true) }}

)

select
    {{ input_columns('items') }}
from items
where _rejection_reason is null
qualify row_number() over (partition by item_id order by {{ raw_row_as_text() }}) = 1
