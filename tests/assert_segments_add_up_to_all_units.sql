-- The segments of each dimension hold every unit once: their moments add up to those of all units, day by day, number by number.
{%- set dimensions = segment_dimensions() %}

with

moments as (

    select
        *,
        unnest(generate_series(1, len(products))) as position -- noqa: RF03
    from {{ ref('fct_metric_moments') }}
    where dimension != 'phase'

),

dimensions as (

    select unnest([{{ quoted_texts(dimensions) }}]) as dimension

),

all_units as (

    select
        moments.experiment_id,
        moments.metric_name,
        moments.variant_id,
        dimensions.dimension,
        moments.activity_date,
        moments.position,
        moments.count_units,
        moments.sums[moments.position] as sum_of_values,
        moments.products[moments.position] as sum_of_products,
        -- The sum of squares of the same value: products are the upper triangle, row by row, and begin each row with it.
        moments.products[
            1 + (moments.position - 1) * len(moments.sums) - (moments.position - 1) * (moments.position - 2) // 2
        ] as sum_of_squares
    from moments
    cross join dimensions
    where
        moments.dimension = 'all'
        and {{ dimensions | length }} > 0

),

by_dimension as (

    select
        experiment_id,
        metric_name,
        variant_id,
        dimension,
        activity_date,
        position,

        sum(count_units) as count_units,
        sum(sums[position]) as sum_of_values,
        sum(products[position]) as sum_of_products,
        sum(abs(products[position])) as absolute_sum_of_products
    from moments
    where dimension != 'all'
    group by all

)

select
    coalesce(all_units.experiment_id, by_dimension.experiment_id) as experiment_id,
    coalesce(all_units.metric_name, by_dimension.metric_name) as metric_name,
    coalesce(all_units.variant_id, by_dimension.variant_id) as variant_id,
    coalesce(all_units.dimension, by_dimension.dimension) as dimension,
    coalesce(all_units.activity_date, by_dimension.activity_date) as activity_date,
    coalesce(all_units.position, by_dimension.position) as position
from all_units
full outer join by_dimension
    on
        all_units.experiment_id = by_dimension.experiment_id
        and all_units.metric_name = by_dimension.metric_name
        and all_units.variant_id = by_dimension.variant_id
        and all_units.dimension = by_dimension.dimension
        and all_units.activity_date = by_dimension.activity_date
        and all_units.position = by_dimension.position
where
    by_dimension.count_units is distinct from all_units.count_units
    -- Sums that overflow do so in the whole and in its segments.
    or (
        by_dimension.sum_of_values is distinct from all_units.sum_of_values
        and not coalesce(
            abs(by_dimension.sum_of_values - all_units.sum_of_values)
            <= 1e-9 * (1 + abs(all_units.sum_of_values) + abs(all_units.sum_of_squares)),
            false
        )
    )
    or (
        by_dimension.sum_of_products is distinct from all_units.sum_of_products
        and not coalesce(
            isfinite(by_dimension.sum_of_products)
            and abs(by_dimension.sum_of_products - all_units.sum_of_products)
            <= 1e-9 * (1 + by_dimension.absolute_sum_of_products),
            false
        )
    )
