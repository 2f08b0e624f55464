{% macro validate_settings() %}
    {#- On-run-start: rejects vars that contradict each other or make no sense, naming the var and the remedy. -#}
    {% set problems = [] %}
    {% if var('session_source') not in ['inactivity', 'tracker'] %}
        {% do problems.append("session_source == '" ~ var('session_source') ~ "', must be inactivity or tracker") %}
    {% endif %}
    {% for name in ['session_timeout_minutes', 'attribution_window_minutes', 'attribution_half_life_minutes'] %}
        {% if var(name) is not number or var(name) <= 0 %}
            {% do problems.append(name ~ " == " ~ var(name) ~ ", must be a number of minutes > 0") %}
        {% endif %}
    {% endfor %}
    {% for name in ['max_quarantined_share', 'max_excluded_share', 'acceptable_loss', 'bandit_floor'] if var(name) is not number or not 0 <= var(name) <= 1 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a share in [0, 1]') %}
    {% endfor %}
    {% for name in ['confidence', 'sample_ratio_fails_below', 'health_warns_below', 'power_target'] if var(name) is not number or not 0 < var(name) < 1 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a number between 0 and 1') %}
    {% endfor %}
    {% if var('plan_effect') is not number or var('plan_effect') <= 0 %}
        {% do problems.append('plan_effect == ' ~ var('plan_effect') ~ ', must be a number > 0') %}
    {% endif %}
    {% for days in var('plan_days') if days is not integer or days <= 0 %}
        {% do problems.append('plan_days: ' ~ days ~ ', must be a whole number of days > 0') %}
    {% endfor %}
    {% for name, choices in {
        'multiplicity_method': ['holm', 'hochberg', 'benjamini-hochberg', 'benjamini-yekutieli'],
        'bandit_method': ['thompson', 'top_two'],
        'causal_estimand': ['ate', 'att', 'ato'],
        'error_spending': ['obrien_fleming', 'pocock', 'quadratic'],
    }.items() if var(name) not in choices %}
        {% do problems.append(name ~ " == '" ~ var(name) ~ "', must be one of " ~ choices | join(', ')) %}
    {% endfor %}
    {% for name in ['all', 'experiment_id', 'unit_id', 'variant_id', 'phase_id', 'first_exposed_at', 'exposure_date'] if name in var('dimensions') | map('lower') %}
        {% do problems.append("dimensions: '" ~ name ~ "' is what lifthouse calls something else, must be an attribute of users") %}
    {% endfor %}
    {% for role, event_types in var('event_roles').items() if event_types is string or event_types is not sequence %}
        {% do problems.append("event_roles: " ~ role ~ " == " ~ event_types ~ ", must be a list of event types") %}
    {% endfor %}
    {% for name, funnel in var('funnels').items() %}
        {% if funnel is not mapping or funnel.get('steps', []) | length < 2 or funnel.get('window_minutes', 0) is not number
            or funnel.get('window_minutes', 0) <= 0 %}
            {% do problems.append("funnels: '" ~ name ~ "' must have steps (at least two) and window_minutes > 0") %}
        {% elif funnel.steps | unique | list | length < funnel.steps | length %}
            {% do problems.append("funnels: '" ~ name ~ "' names a step twice: " ~ funnel.steps | join(', ') ~ "; one event would be both") %}
        {% endif %}
    {% endfor %}
    {% for period_kind, count in var('retention_periods').items() if period_kind not in ['day', 'week', 'month'] or count is not integer %}
        {% do problems.append("retention_periods: " ~ period_kind ~ ": " ~ count ~ ", must be day, week or month and a whole number") %}
    {% endfor %}
    {% if not modules.re.fullmatch('(\\d{4}-\\d{2}-\\d{2})?', var('features_as_of') | string) %}
        {% do problems.append("features_as_of == " ~ var('features_as_of') ~ ", must be a day like 2026-03-30, or empty") %}
    {% endif %}
    {% for name in ['causal_fitted_units', 'causal_refuted_units'] if var(name) is not integer or var(name) < 100 %}
        {% do problems.append(name ~ ' == ' ~ var(name) ~ ', must be a whole number of units, at least 100') %}
    {% endfor %}
    {% if var('causal_experiments') is string or var('causal_experiments') is not sequence %}
        {% do problems.append('causal_experiments == ' ~ var('causal_experiments') ~ ', must be a list of experiments') %}
    {% endif %}
    {% for name in var('input_relations') if name not in input_names() %}
        {% do problems.append("input_relations: '" ~ name ~ "' is not an input, must be one of " ~ input_names() | join(', ')) %}
    {% endfor %}
    {% if env_var('LIFTHOUSE_REGISTRY', 'seeds').startswith('/') %}
        {#- dbt would write the compiled seeds over the seeds themselves. -#}
        {% do problems.append('LIFTHOUSE_REGISTRY == ' ~ env_var('LIFTHOUSE_REGISTRY') ~ ', must be a path relative to the project, such as data/mine/registry') %}
    {% endif %}
    {% if problems and execute %}
        {% do exceptions.raise_compiler_error('\n\nThe vars cannot be used; nothing was built. Correct them where you set them: --vars, vars.yml or dbt_project.yml.\n  - '
            ~ problems | join('\n  - ') ~ '\n') %}
    {% endif %}
{% endmacro %}
