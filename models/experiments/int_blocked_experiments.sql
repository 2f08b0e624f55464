-- Experiments whose effects are withheld: known to be broken, or found to be. One row per experiment.

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

failures as (

    select
        experiment_id,
        string_agg(check_name || ': ' || reason, '; ' order by check_name) as reason
    from {{ ref('int_experiment_health') }}
    where is_blocking
    group by experiment_id

)

select
    experiments.experiment_id,
    concat_ws(
        '; ',
        case when experiments.status = 'invalid' then 'the registry says invalid' end,
        failures.reason
    ) as reason
from experiments
left join failures on experiments.experiment_id = failures.experiment_id
where
    experiments.status = 'invalid'
    or failures.experiment_id is not null
