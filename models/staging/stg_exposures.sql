-- Usable rows of exposures.

with

exposures as (

    {{ input_rows('exposures') }}

)

select
    {{ input_columns('exposures') }}
from exposures
where _rejection_reason is null
