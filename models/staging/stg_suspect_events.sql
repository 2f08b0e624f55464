-- Rows of this load that may not go to stg_events: those that can't be used, with the reason, and those whose event_id comes more
-- than once in the load or is in stg_events already; of these the first to be loaded is kept. Every other row goes there as is.
-- Only hashes are sorted for the whole load, so that a hundred million ids fit; equal hashes are then compared as ids.
-- A table, so that a load is looked through once for both models that read it: see note_event_load for what they rely on.
{{
    config(
        pre_hook=['{{ note_refresh() }}', '{{ note_event_load() }}'],
        post_hook='{{ remember_event_load() }}',
    )
}}

{% set loaded_after = events_watermark() %}

with

events as {{ inlined() }} (

    {{ input_rows('events', loaded_after, with_raw=true) }}

),

-- Whether usable or not: to tell would take reading more than the id.
id_hashes as (

    select {{ hash_of('event_id') }} as event_id_hash
    from events

),

-- Equal ones lie side by side once sorted, which takes half the time of grouping them: nearly all are groups of one.
sorted_hashes as (

    select
        event_id_hash,
        lag(event_id_hash) over (order by event_id_hash) as previous_hash
    from id_hashes

),

repeated_hashes as (

    select event_id_hash
    from sorted_hashes
    where event_id_hash = previous_hash

),

{% if loaded_after %}
known_events as (

    select event_id
    from {{ adapter.get_relation(target.database, 'staging', 'stg_events') }}
    where event_id in (select events.event_id from events)

),
{% endif %}

suspects as (

    select *
    from events
    where
        _rejection_reason is not null
        or {{ hash_of('event_id') }} in (select repeated_hashes.event_id_hash from repeated_hashes)
        {% if loaded_after %}
            or event_id in (select known_events.event_id from known_events)
        {% endif %}

)

select
    {{ input_columns('events') }},
    _raw_row,
    _rejection_reason,
    _rejection_reason is null
    {%- if loaded_after %}
    and event_id not in (select known_events.event_id from known_events)
    {%- endif %}
    and row_number() over (
        partition by event_id, _rejection_reason is null
        order by loaded_at, occurred_at, {{ raw_row_as_text() }}
    ) = 1 as _is_kept
from suspects
