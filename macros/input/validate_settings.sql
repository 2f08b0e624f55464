{% macro validate_settings() %}
    {#- On-run-start: rejects vars that contradict each other or make no sense, naming the var and the remedy. -#}
    {% do validate_kinds_of_settings() %}
    {% set problems = _unknown_settings() %}
    {% if modules.re.search('[*?[]', var('input_folder') | string) %}
        {% do problems.append('input_folder == ' ~ var('input_folder') ~ ', must have no *, ? or [ in it: DuckDB would look for other folders. Rename the folder') %}
    {% endif %}
    {% if var('session_source') not in ['inactivity', 'tracker'] %}
        {% do problems.append("session_source == '" ~ var('session_source') ~ "', must be inactivity or tracker") %}
    {% endif %}
    {% for name in ['session_timeout_minutes', 'attribution_window_minutes', 'attribution_half_life_minutes'] %}
        {% if var(name) is not number or var(name) <= 0 %}
            {% do problems.append(name ~ " == " ~ var(name) ~ ", must be a number of minutes > 0") %}
        {% endif %}
    {% endfor %}
    {% for name in ['max_quarantined_share', 'max_excluded_share', 'acceptable_loss', 'bandit_floor', 'causal_overlap_fails_below'] if var(name) is not number or not 0 <= var(name) <= 1 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a share in [0, 1]') %}
    {% endfor %}
    {% for name in ['confidence', 'sample_ratio_fails_below', 'health_warns_below', 'power_target'] if var(name) is not number or not 0 < var(name) < 1 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a number between 0 and 1') %}
    {% endfor %}
    {% for name in ['plan_effect', 'volume_anomaly_z', 'causal_max_standardised_difference'] if var(name) is not number or var(name) <= 0 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a number > 0') %}
    {% endfor %}
    {% for name, least in {
        'interaction_pairs': 0,
        'tested_days': 0,
        'uplift_folds': 2,
        'uplift_fitted_units': 100,
        'causal_fitted_units': 100,
        'causal_refuted_units': 100,
        'causal_balance_from_units': 0,
    }.items() if var(name) is not integer or var(name) < least %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a whole number, at least ' ~ least) %}
    {% endfor %}
    {% for days in var('plan_days') if days is not integer or days <= 0 %}
        {% do problems.append('plan_days: ' ~ days ~ ', must be a whole number of days > 0') %}
    {% endfor %}
    {#- Their rows would be there twice; names are compared without regard to case. -#}
    {% for name in ['dimensions', 'plan_days', 'uplift_learners'] if var(name) | unique | list | length < var(name) | length %}
        {% do problems.append(name ~ ': ' ~ var(name) | join(', ') ~ ', must name each once') %}
    {% endfor %}
    {% for name, choices in {
        'multiplicity_method': ['holm', 'hochberg', 'benjamini-hochberg', 'benjamini-yekutieli'],
        'bandit_method': ['thompson', 'top_two'],
        'causal_estimand': ['ate', 'att', 'ato'],
        'error_spending': ['obrien_fleming', 'pocock', 'quadratic'],
    }.items() if var(name) not in choices %}
        {% do problems.append(name ~ " == '" ~ var(name) ~ "', must be one of " ~ choices | join(', ')) %}
    {% endfor %}
    {% for name in ['all', 'phase', 'experiment_id', 'unit_id', 'variant_id', 'phase_id', 'first_exposed_at', 'exposure_date'] if name in var('dimensions') | map('lower') %}
        {% do problems.append("dimensions: '" ~ name ~ "' is what lifthouse calls something else, must be an attribute of users") %}
    {% endfor %}
    {#- The default may be none of somebody's dimensions: nothing is stratified then. -#}
    {% if execute and invocation_args_dict.vars.get('stratify_by') and var('stratify_by') not in var('dimensions') %}
        {% do problems.append("stratify_by == '" ~ var('stratify_by') ~ "', must be written as in dimensions (" ~ var('dimensions') | join(', ') ~ ') or empty') %}
    {% endif %}
    {% set roles = ['impression', 'click', 'cart', 'purchase'] %}
    {% set steps = [] %}
    {% for name, funnel in var('funnels').items() %}
        {% if funnel is not mapping or not _is_list(funnel.get('steps')) or funnel.steps | length < 2
            or funnel.get('window_minutes', 0) is not number or funnel.get('window_minutes', 0) <= 0 %}
            {% do problems.append("funnels: '" ~ name ~ "' must have steps (a list of at least two) and window_minutes > 0") %}
        {% elif funnel.steps | unique | list | length < funnel.steps | length %}
            {% do problems.append("funnels: '" ~ name ~ "' names a step twice: " ~ funnel.steps | join(', ') ~ "; one event would be both") %}
        {% else %}
            {% do steps.extend(funnel.steps) %}
        {% endif %}
    {% endfor %}
    {% for role, event_types in var('event_roles').items() %}
        {% if not _is_list(event_types) %}
            {% do problems.append("event_roles: " ~ role ~ " == " ~ event_types ~ ", must be a list of event types") %}
        {% endif %}
        {% if role not in roles + steps %}
            {% do problems.append("event_roles: '" ~ role ~ "' is not a role, must be one of " ~ roles | join(', ') ~ ", or a step of a funnel") %}
        {% endif %}
    {% endfor %}
    {% set conversions = {} %}
    {% for role in ['click', 'cart', 'purchase'] %}
        {% set event_types = var('event_roles').get(role) %}
        {% for event_type in (event_types if _is_list(event_types) else []) %}
            {% if event_type in conversions and conversions[event_type] != role %}
                {% do problems.append("event_roles: '" ~ event_type ~ "' is a " ~ conversions[event_type] ~ ' and a ' ~ role ~ ', must be one of them: '
                    ~ 'an impression would be credited with either') %}
            {% endif %}
            {% do conversions.update({event_type: role}) %}
        {% endfor %}
    {% endfor %}
    {% for period_kind, count in var('retention_periods').items() if period_kind not in ['day', 'week', 'month'] or count is not integer or count < 0 %}
        {% do problems.append("retention_periods: " ~ period_kind ~ ": " ~ count ~ ", must be day, week or month and a whole number") %}
    {% endfor %}
    {#- Without quotes YAML makes a date of it; empty it may be none. -#}
    {% set as_of = (var('features_as_of') or '') | string %}
    {% if not modules.re.fullmatch('(\\d{4}-\\d{2}-\\d{2})?', as_of)
        or as_of and execute and scalar('select try_cast(' ~ quoted_text(as_of) ~ ' as date) is null') %}
        {% do problems.append("features_as_of == " ~ as_of ~ ", must be a day like 2026-03-30, or empty") %}
    {% endif %}
    {% set learners = ['s_learner', 't_learner', 'x_learner', 'r_learner', 'dr_learner', 'linear_dr_learner', 'class_transformation',
        'causal_forest', 'uplift_forest'] %}
    {% for name in var('uplift_learners') if name not in learners %}
        {% do problems.append("uplift_learners: '" ~ name ~ "' is not a learner, must be one of " ~ learners | join(', ')) %}
    {% endfor %}
    {% if not var('uplift_learners') %}
        {% do problems.append('uplift_learners == [], must name at least one learner; uplift_metrics: [none] models none') %}
    {% endif %}
    {% for name in var('input_relations') if name not in input_names() %}
        {% do problems.append("input_relations: '" ~ name ~ "' is not an input, must be one of " ~ input_names() | join(', ')) %}
    {% endfor %}
    {% if env_var('LIFTHOUSE_REGISTRY', '').startswith('/') %}
        {#- dbt would write the compiled seeds over the seeds themselves. -#}
        {% do problems.append('LIFTHOUSE_REGISTRY == ' ~ env_var('LIFTHOUSE_REGISTRY') ~ ', must be a path relative to the project, such as data/mine/registry') %}
    {% endif %}
    {% if execute %}
        {% do _refuse_settings(problems) %}
    {% endif %}
{% endmacro %}


{% macro validate_kinds_of_settings() %}
    {#-
        Rejects vars that are no mapping, list or number where one is due. Models look into some of them while they are parsed, which is before
        on-run-start: the macros that look call this first.
    -#}
    {% set problems = [] %}
    {% for name, expected in {
        'event_roles': 'event types by role, like {click: [open]}',
        'funnels': 'funnels by name, like {visit: {steps: [open, order], window_minutes: 60}}',
        'retention_periods': 'numbers by kind of period, like {day: 30, week: 12}',
        'input_relations': 'relations by input, like {events: raw.web_events}, or {}',
    }.items() if var(name) is not mapping or not var(name) and name in ['funnels', 'retention_periods'] %}
        {% do problems.append(_wrong_kind(name, expected)) %}
    {% endfor %}
    {% for name, expected in {
        'dimensions': 'a list of attributes, like [device]',
        'plan_days': 'a list of numbers of days, like [7, 14]',
        'causal_experiments': 'a list of experiments, or []',
        'uplift_metrics': 'a list like [experiment_id.metric_name], or []',
        'uplift_learners': 'a list of learners, like [t_learner]',
    }.items() if not _is_list(var(name)) %}
        {% do problems.append(_wrong_kind(name, expected)) %}
    {% endfor %}
    {% for name in ['session_timeout_minutes', 'attribution_half_life_minutes'] if var(name) is not number %}
        {% do problems.append(_wrong_kind(name, 'a number of minutes > 0')) %}
    {% endfor %}
    {% do _refuse_settings(problems) %}
{% endmacro %}


{% macro _wrong_kind(name, expected) %}
    {{ return(name ~ (' == ' ~ var(name) if var(name) else ' is empty') ~ ', must be ' ~ expected ~ '; leave it out to keep the default') }}
{% endmacro %}


{% macro _is_list(value) %}
    {{ return(value is sequence and value is not string and value is not mapping) }}
{% endmacro %}


{% macro _unknown_settings() %}
    {#- dbt ignores a var that nobody reads, so that the one that was meant keeps its default: dbt_project.yml declares all there are. -#}
    {% set problems = [] %}
    {% if execute %}
        {% set known = fromyaml(scalar('select content from read_text(' ~ in_project('dbt_project.yml') ~ ')')).vars %}
        {% for name in invocation_args_dict.vars if name not in known %}
            {% do problems.append("'" ~ name ~ "' is not a var, must be one of " ~ known | join(', ')
                ~ ('; vars.yml names them at its top, without a line `vars:` above' if name == 'vars' else '; correct the name')) %}
        {% endfor %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}


{% macro _refuse_settings(problems) %}
    {% if problems %}
        {% do exceptions.raise_compiler_error('\n\nThe vars cannot be used; nothing was built. Correct them where you set them: --vars, vars.yml or dbt_project.yml.\n  - '
            ~ problems | join('\n  - ') ~ '\n') %}
    {% endif %}
{% endmacro %}
