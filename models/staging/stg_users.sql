-- Usable rows of users, one per user_id. Of several, the one that sorts first as text is kept and the others are in quarantine.

with

users as (

    {{ input_rows('users', with_raw=true) }}

),

ranked as (

    select
        *,
        row_number() over (partition by user_id order by {{ raw_row_as_text() }}) as copy_number
    from users
    where _rejection_reason is null

)

select
    {{ input_columns('users') }}
from ranked
where copy_number = 1
