-- Usable rows of items, one per item_id. Of several, the one that sorts first as text is kept and the others are in quarantine.

{{ one_per_key('items') }}
