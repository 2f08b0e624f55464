-- How many units each variant got. One row per experiment, phase, variant, dimension, segment and day of exposure.
{%- set dimensions = segment_dimensions() %}

with

units as (

    select *
    from {{ ref('int_units_segmented') }}

),

sliced as (

    select
        experiment_id,
        phase_id,
        variant_id,
        'all' as dimension,
        'all' as segment,
        exposure_date
    from units
    {%- for dimension in dimensions %}

    union all

    select
        experiment_id,
        phase_id,
        variant_id,
        {{ quoted_text(dimension) }} as dimension,
        {{ adapter.quote(dimension) }} as segment,
        exposure_date
    from units
    {%- endfor %}

)

select
    experiment_id,
    phase_id,
    variant_id,
    dimension,
    segment,
    exposure_date,

    count(*) as count_units
from sliced
group by experiment_id, phase_id, variant_id, dimension, segment, exposure_date
