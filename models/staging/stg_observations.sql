-- Usable rows of observations, one per experiment, unit and variant: a unit that is there in several variants is for
-- fct_experiment_units to tell. Of several, the one that sorts first as text is kept and the others are in quarantine.

{{ one_per_key('observations') }}
