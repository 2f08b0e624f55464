-- The segments of a dimension hold every unit once: their moments add up to those of all units, day by day.

with

moments as (

    select *
    from {{ ref('fct_metric_moments') }}

),

by_dimension as (

    select
        experiment_id,
        metric_name,
        variant_id,
        dimension,
        activity_date,

        sum(count_units) as count_units,
        sum(sums[1]) as sum_of_numerators,
        sum(products[1]) as sum_of_squares
    from moments
    where dimension not in ('all', 'phase')
    group by all

)

select
    by_dimension.experiment_id,
    by_dimension.metric_name,
    by_dimension.variant_id,
    by_dimension.dimension,
    by_dimension.activity_date
from by_dimension
left join moments
    on
        by_dimension.experiment_id = moments.experiment_id
        and by_dimension.metric_name = moments.metric_name
        and by_dimension.variant_id = moments.variant_id
        and by_dimension.activity_date = moments.activity_date
        and moments.dimension = 'all'
where
    by_dimension.count_units is distinct from moments.count_units
    -- Sums that overflow do so in the whole and in its segments.
    or (
        by_dimension.sum_of_numerators is distinct from moments.sums[1]
        and not abs(by_dimension.sum_of_numerators - moments.sums[1])
        <= 1e-9 * (1 + abs(moments.sums[1]) + abs(moments.products[1]))
    )
    or (
        by_dimension.sum_of_squares is distinct from moments.products[1]
        and not abs(by_dimension.sum_of_squares - moments.products[1]) <= 1e-9 * (1 + abs(moments.products[1]))
    )
