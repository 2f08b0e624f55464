-- Rows of this load whose event_id comes more than once in it, or is already in stg_events; the first to be loaded is kept.
-- Only hashes are grouped for the whole load, so that a hundred million ids fit; equal hashes are then compared as ids.
-- Ephemeral, so that whoever reads it sees the copies of the same load as its own.
{{ config(materialized='ephemeral') }}

{% set loaded_after = events_watermark() %}

with

events as {{ inlined() }} (

    {{ input_rows('events', loaded_after, with_raw=true) }}

),

usable_events as {{ inlined() }} (

    select *
    from events
    where _rejection_reason is null

),

repeated_hashes as (

    select {{ hash_of('event_id') }} as event_id_hash
    from usable_events
    group by 1
    having count(*) > 1

),

{% if loaded_after %}
known_events as (

    select event_id
    from {{ adapter.get_relation(target.database, 'staging', 'stg_events') }}
    where event_id in (select usable_events.event_id from usable_events)

),
{% endif %}

suspects as (

    select *
    from usable_events
    where
        {{ hash_of('event_id') }} in (select repeated_hashes.event_id_hash from repeated_hashes)
        {% if loaded_after %}
            or event_id in (select known_events.event_id from known_events)
        {% endif %}

),

ranked as (

    select
        *,
        row_number() over (
            partition by event_id
            order by loaded_at, occurred_at, cast(_raw_row as varchar)
        ) as copy_number,
        {% if loaded_after %}
            event_id in (select known_events.event_id from known_events) as is_known
        {% else %}
            false as is_known
        {% endif %}
    from suspects

)

select
    {{ input_columns('events') }},
    _raw_row,
    copy_number = 1 and not is_known as is_kept
from ranked
