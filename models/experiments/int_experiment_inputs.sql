-- Everything that an experiment's results rest on, as a fingerprint: tables built of the same need not be built again (see
-- macros/incremental/changed_experiments.sql). One row per experiment.
-- depends_on: {{ ref('stg_exposures') }}, {{ ref('stg_observations') }}, {{ ref('stg_users') }}, {{ ref('int_events_measured') }}

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

),

phases as (

    select *
    from {{ ref('experiment_phases') }}

),

metrics as (

    select *
    from {{ ref('experiment_metrics') }}

),

unit_inputs as (

    select *
    from {{ ref('int_unit_inputs') }}

),

declared as (

    {% for source in ['experiments', 'variants', 'phases', 'metrics'] -%}
    select
        experiment_id,
        '{{ source }}' as source,
        hash(_row) as row_hash -- noqa: RF02
    from {{ source }} as _row -- noqa: AL05
    {{ 'union all' if not loop.last }}

    {% endfor %}
),

definitions as (

    select
        experiment_id,
        md5(string_agg(concat_ws(' ', source, row_hash), ', ' order by source, row_hash)) as definition
    from declared
    group by experiment_id

),

unit_sums as (

    select
        experiment_id,
        count(*) as count_units,
        sum(fingerprint) as sum_of_fingerprints,
        max(counts_until) as counts_until
    from unit_inputs
    group by experiment_id

),

-- How far the events go: what is not over yet, such as a retention's days, is by then.
events as (

    select max(occurred_at) as latest_event_at
    from {{ ref('stg_events') }}

)

select
    definitions.experiment_id,
    definitions.definition,
    md5(concat_ws(
        ' ',
        definitions.definition,
        unit_sums.count_units,
        unit_sums.sum_of_fingerprints,
        least(unit_sums.counts_until, events.latest_event_at)
    )) as fingerprint,
    '{{ experiment_settings() }}' as settings
from definitions
cross join events
left join unit_sums on definitions.experiment_id = unit_sums.experiment_id
