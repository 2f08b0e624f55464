-- Who is in each experiment: how many units, how many do not count and why, since when, and how are they split?
--
-- Asked by: everyone, before they read any effect.
-- How to read it: excluded units are not in any result; exclusion_reasons says why. included_share is the arm's share of the
-- units that count. Whether the split is what was planned is the question of experiment_shares.

with

units as (

    select *
    from {{ ref('fct_experiment_units') }}

),

arms as (

    select
        experiment_id,
        variant_id,

        string_agg(distinct exclusion_reason, '; ' order by exclusion_reason) as exclusion_reasons,
        count(*) as count_units,
        count(*) filter (where is_included) as count_included,
        count(*) filter (where not is_included) as count_excluded,
        min(first_exposed_at) as first_exposed_at,
        max(first_exposed_at) as last_exposed_at
    from units
    group by all

),

with_shares as (

    select
        experiment_id,
        variant_id,
        exclusion_reasons,
        count_units,
        count_included,
        count_excluded,
        count_excluded / count_units as excluded_share,
        count_included / nullif(sum(count_included) over (partition by experiment_id), 0) as included_share,
        first_exposed_at,
        last_exposed_at
    from arms

)

select *
from with_shares
order by
    experiment_id,
    variant_id
