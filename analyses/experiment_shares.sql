-- Did each arm get the share of units that was planned?
--
-- Asked by: whoever answers for the assignment, when an experiment looks uneven.
-- How to read it: standard_errors_off is the distance between the share and the expected share in standard errors of a random
-- draw. Within 3 is chance; far beyond it exposures were lost or assigned wrongly, and the effects can't be trusted
-- (fct_experiment_health makes that call, over all arms at once). An experiment whose allocation changed has one group of rows
-- a phase, 'all' otherwise; units exposed outside of every phase are in 'none'. Nothing was expected of these, nor where users
-- chose themselves. An arm that was to get nobody and got units is infinitely far off.

with

units as (

    select
        *,
        coalesce(phase_id, 'all') as phase
    from {{ ref('fct_experiment_units') }}
    where is_included

),

variants as (

    select *
    from {{ ref('dim_experiment_variants') }}

),

arms as (

    select
        experiment_id,
        phase,
        variant_id,

        count(*) as count_units
    from units
    group by all

),

-- Of phases that have units at all: an arm without any is the one to look at.
with_shares as (

    select
        coalesce(arms.experiment_id, variants.experiment_id) as experiment_id,
        coalesce(variants.phase_id, 'none') as phase,
        coalesce(arms.variant_id, variants.variant_id) as variant_id,
        coalesce(arms.count_units, 0) as count_units,
        variants.expected_share,
        sum(arms.count_units) over (
            partition by coalesce(arms.experiment_id, variants.experiment_id), coalesce(arms.phase, variants.phase_id)
        ) as count_units_in_phase
    from arms
    full outer join variants
        on
            arms.experiment_id = variants.experiment_id
            and arms.phase = variants.phase_id
            and arms.variant_id = variants.variant_id

),

compared as (

    select
        experiment_id,
        phase,
        variant_id,
        count_units,
        count_units / count_units_in_phase as share,
        expected_share,
        case
            when expected_share = 0 and count_units > 0 then cast('infinity' as double)
            else (count_units / count_units_in_phase - expected_share)
                / nullif(sqrt(expected_share * (1 - expected_share) / count_units_in_phase), 0)
        end as standard_errors_off
    from with_shares
    where count_units_in_phase > 0

)

select *
from compared
order by
    experiment_id,
    phase,
    variant_id
