-- Usable events, one row per event_id. A daily run adds the rows loaded since the last one.
-- depends_on: {{ ref('stg_events_rejected') }} (first: what a load rejects is known before the load counts as read)
{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        pre_hook=['{{ require_event_load() }}', '{{ widen_attributes() }}'],
        post_hook='{{ remember_settings() }}',
    )
}}

with

events as (

    {{ input_rows('events', events_watermark()) }}

),

suspects as (

    -- Rendered, so that --empty and --sample leave none out: whatever is no suspect gets in.
    select *
    from {{ ref('stg_suspect_events').render() }}

),

suspect_ids as (

    select event_id
    from suspects
    where event_id is not null

)

select
    {{ input_columns('events') }}
from events
where
    -- Without an event_id a row is a suspect.
    event_id is not null
    and event_id not in (select suspect_ids.event_id from suspect_ids)

union all

select
    {{ input_columns('events') }}
from suspects
where _is_kept
