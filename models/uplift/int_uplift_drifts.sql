-- How far the scores of this build are from those of the last, of the units that both know. Built before fct_uplift_scores, which
-- still holds the last build's; empty in the first. One row per experiment, metric, treatment and learner.
{%- set previous = adapter.get_relation(target.database, 'main', 'fct_uplift_scores') if execute %}

with

scores as (

    select *
    from {{ ref('int_uplift_scores') }}

),

previous as (

    select *
    from {{ previous or ref('int_uplift_scores') }}
    {% if not previous -%}
    where false
    {%- endif %}

)

select
    scores.experiment_id,
    scores.metric_name,
    scores.treatment_variant_id,
    scores.learner,
    count(*) as count_units,
    {{ finite('corr(scores.uplift, previous.uplift)') }} as correlation,
    (avg(scores.uplift) - avg(previous.uplift)) / nullif(stddev_samp(previous.uplift), 0) as mean_shift
from scores
inner join previous
    on
        scores.experiment_id = previous.experiment_id
        and scores.metric_name = previous.metric_name
        and scores.treatment_variant_id = previous.treatment_variant_id
        and scores.learner = previous.learner
        and scores.unit_id = previous.unit_id
group by scores.experiment_id, scores.metric_name, scores.treatment_variant_id, scores.learner
