-- What inference needs of each metric: daily increments of sums and products about a pivot, over all units and by segment.
{%- set dimensions = segment_dimensions() %}

with

moments as (

    select *
    from {{ ref('int_metric_moments') }}

),

sliced as (

    select
        experiment_id,
        metric_name,
        variant_id,
        'all' as dimension,
        'all' as segment,
        activity_date,
        count_units,
        value_names,
        pivots,
        sums,
        products
    from moments
    {%- for dimension in dimensions %}

    union all

    select
        experiment_id,
        metric_name,
        variant_id,
        {{ quoted_text(dimension) }} as dimension,
        {{ adapter.quote(dimension) }} as segment,
        activity_date,
        count_units,
        value_names,
        pivots,
        sums,
        products
    from moments
    {%- endfor %}

    union all

    -- Where allocation changed, arms can only be compared within a phase.
    select
        experiment_id,
        metric_name,
        variant_id,
        'phase' as dimension,
        phase_id as segment,
        activity_date,
        count_units,
        value_names,
        pivots,
        sums,
        products
    from moments
    where phase_id is not null

),

positions as (

    select
        sliced.*,
        unnest(generate_series(1, len(products))) as position -- noqa: RF03
    from sliced

),

summed as (

    select
        experiment_id,
        metric_name,
        variant_id,
        dimension,
        segment,
        activity_date,
        position,

        any_value(value_names) as value_names,
        any_value(pivots) as pivots,
        sum(count_units) as count_units,
        sum(sums[position]) as sum_of_values,
        sum(products[position]) as sum_of_products
    from positions
    group by all

)

select
    experiment_id,
    metric_name,
    variant_id,
    dimension,
    segment,
    cast(any_value(count_units) as bigint) as count_units,
    any_value(value_names) as value_names,
    any_value(pivots) as pivots,
    list(sum_of_values order by position) filter (where position <= len(value_names)) as sums,
    list(sum_of_products order by position) as products,
    activity_date
from summed
group by experiment_id, metric_name, variant_id, dimension, segment, activity_date
