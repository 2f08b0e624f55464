-- Usable rows of users, one per user_id. Of several, the one that sorts first as text is kept and the others are in quarantine.

with

users as (

    {{ input_rows('users', with_raw=true) }}

)

select
    {{ input_columns('users') }}
from users
where _rejection_reason is null
qualify row_number() over (partition by user_id order by {{ raw_row_as_text() }}) = 1
