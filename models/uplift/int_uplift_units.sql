-- Units of the experiments whose effects are modelled: what was known of them, their fold, and whether they take part in fitting,
-- which a hash decides so that about var uplift_fitted_units of each experiment do. Where nobody assigned the arms, units without
-- overlap are left out, and the others have a chance of treatment. One row per experiment and unit.

with

targets as (

    select distinct
        experiment_id,
        is_randomised
    from {{ ref('int_uplift_targets') }}
    where reason is null

),

propensities as (

    select *
    from {{ ref('int_uplift_propensities') }}
    where has_overlap

),

covariates as (

    select *
    from {{ ref('int_unit_covariates') }}

),

counts as (

    select
        experiment_id,
        count(*) as count_units
    from covariates
    group by experiment_id

)

select
    covariates.*,
    propensities.propensity as treatment_propensity,
    cast(abs({{ hash_of("covariates.unit_id || ' fold'") }} % {{ var('uplift_folds') }}) as integer) as fold,
    abs({{ hash_of("covariates.unit_id || ' fit'") }} % 1000000)
    < 1000000.0 * {{ var('uplift_fitted_units') }} / counts.count_units as is_fitted
from covariates
inner join targets on covariates.experiment_id = targets.experiment_id
inner join counts on covariates.experiment_id = counts.experiment_id
left join propensities
    on
        covariates.experiment_id = propensities.experiment_id
        and covariates.unit_id = propensities.unit_id
where
    targets.is_randomised
    or propensities.unit_id is not null
