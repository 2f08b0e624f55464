-- Usable rows of observations.

with

observations as (

    {{ input_rows('observations') }}

)

select
    {{ input_columns('observations') }}
from observations
where _rejection_reason is null
