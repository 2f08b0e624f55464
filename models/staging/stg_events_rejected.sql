-- Event rows that can't be used, with the reason, and the copies of a row that is kept. One row per distinct raw row.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='quarantined_row_id',
        pre_hook=['{{ require_event_load() }}', '{{ forget_rows_read_again() }}'],
        post_hook='{{ remember_settings() }}',
    )
}}

with

suspects as (

    -- Rendered, so that --empty and --sample leave none out: stg_events takes the whole load as read.
    select *
    from {{ ref('stg_suspect_events').render() }}

),

rejected as (

    select
        coalesce(_rejection_reason, 'event_id is a duplicate') as reason,
        _raw_row,
        loaded_at,
        occurred_at
    from suspects
    where not _is_kept

)

select
    {{ quarantined_row_columns('events') }},

    count(*) as count_rows,
    max(occurred_at) as occurred_at,
    max(loaded_at) as loaded_at
from rejected
group by all
