-- Every input row that is not in the numbers, with the reason: unusable rows, copies, and exposures and observations that the
-- registry doesn't know.

with

events as (

    select *
    from {{ ref('stg_events_rejected') }}

),

other_inputs as (

    select *
    from {{ ref('stg_rows_rejected') }}

),

rejected_exposures as (

    select
        rejection_reason as reason,
        _raw_row
    from {{ ref('int_exposures_assigned') }}
    where rejection_reason is not null

),

rejected_observations as (

    select
        rejection_reason as reason,
        _raw_row
    from {{ ref('int_observations_rejected') }}

)

select
    quarantined_row_id,
    input_name,
    reason,
    raw_row,
    count_rows,
    occurred_at,
    loaded_at
from events

union all

select
    quarantined_row_id,
    input_name,
    reason,
    raw_row,
    count_rows,
    null as occurred_at,
    null as loaded_at
from other_inputs

union all

select
    {{ quarantined_row_columns('exposures') }},

    count(*) as count_rows,
    null as occurred_at,
    null as loaded_at
from rejected_exposures
group by all

union all

select
    {{ quarantined_row_columns('observations') }},

    count(*) as count_rows,
    null as occurred_at,
    null as loaded_at
from rejected_observations
group by all
