-- A winner's scores are much like those of the last build: they warn where they hardly agree, or have moved by half a standard
-- deviation. New data may do that, a changed input too: look at fct_uplift_drivers before anybody acts on the scores.
{{ config(severity='warn', tags=['guardrail']) }}

select
    drifts.experiment_id,
    drifts.metric_name,
    drifts.treatment_variant_id,
    drifts.correlation,
    drifts.mean_shift
from {{ ref('int_uplift_drifts') }} as drifts
inner join {{ ref('fct_uplift_evaluation') }} as evaluation
    on
        drifts.experiment_id = evaluation.experiment_id
        and drifts.metric_name = evaluation.metric_name
        and drifts.treatment_variant_id = evaluation.treatment_variant_id
        and drifts.learner = evaluation.learner
        and evaluation.measure in ('qini', 'uplift_area')
        and evaluation.is_winner
where
    drifts.correlation < 0.5
    or abs(drifts.mean_shift) > 0.5
