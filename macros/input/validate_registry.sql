{% macro validate_registry() %}
    {#- On-run-start: looks at the registry before anything is built, and stops the build with every problem, its row and what to do. -#}
    {% if execute and flags.WHICH in ['build', 'run', 'seed'] %}
        {% set columns = {
            'experiments': ['experiment_id', 'description', 'assignment', 'status', 'started_at', 'ended_at', 'activation_event_type',
                'planned_units', 'annual_units'],
            'experiment_variants': ['experiment_id', 'variant_id', 'is_control', 'expected_share', 'cost_per_unit'],
            'experiment_phases': ['experiment_id', 'phase_id', 'variant_id', 'expected_share', 'started_at', 'ended_at'],
            'experiment_metrics': ['experiment_id', 'metric_name', 'role', 'minimum_detectable_effect', 'non_inferiority_margin', 'value_per_unit'],
        } %}
        {% set problems = _covariate_problems() %}
        {% for name in columns %}
            {% do problems.extend(_registry_column_problems(name, columns[name])) %}
        {% endfor %}
        {% if not problems %}
            {% set checks = _experiment_checks() + _variant_checks() + _phase_checks() + _metric_checks() %}
            {% for row in run_query(_registry_ctes(columns) ~ checks | join('\nunion all\n') ~ '\norder by 1, 2').rows %}
                {% do problems.append(registry_file(row[0]) ~ (', row ' ~ row[1] if row[1]) ~ ': ' ~ row[2]) %}
            {% endfor %}
        {% endif %}
        {% if problems %}
            {% do exceptions.raise_compiler_error('\n\nThe registry cannot be used; nothing was built. Correct the rows and build again.\n  - '
                ~ problems | join('\n  - ') ~ '\n') %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro _covariate_problems() %}
    {#- Tables of units have a column for each covariate, beside these. -#}
    {% set problems = [] %}
    {% set taken = ['experiment_id', 'unit_id', 'variant_id', 'value', 'fold', 'is_fitted', 'treatment_propensity', 'propensity', 'is_trimmed', 'learner',
        'score_reason'] %}
    {% for semantic_model in graph.semantic_models.values() %}
        {% for name in model_covariates(semantic_model) if name | lower in taken %}
            {% do problems.append('semantic model ' ~ semantic_model.name ~ ": covariates names '" ~ name ~ "', which is what lifthouse calls something"
                ~ ' else, must not be one of ' ~ taken | join(', ') ~ '. Rename the column') %}
        {% endfor %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}


{% macro _registry_scan(name) %}
    {#- A file as text. Nothing is left to DuckDB's guesses, which take semicolons for commas and lines that begin with # for comments. -#}
    {{ return('read_csv(' ~ in_project(registry_file(name)) ~ ", all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', comment = '')") }}
{% endmacro %}


{% macro _registry_column_problems(name, expected) %}
    {% set file = registry_file(name) %}
    {% set found = run_query('select column_name from (describe select * from ' ~ _registry_scan(name) ~ ')').columns[0].values() %}
    {% set missing = expected | reject('in', found) | list %}
    {{ return([file ~ ' lacks the column ' ~ missing | join(', ') ~ '; found: ' ~ found | join(', ') ~ '. Add it, after a comma; docs/input.md says what'
        ~ ' it holds and when it may be empty.'] if missing else []) }}
{% endmacro %}


{% macro _registry_ctes(columns) %}
    {#- Every file as text with the line each row stands on, and the same with its numbers and times read. -#}
    {% set ctes = [] %}
    {% for name in columns %}
        {% do ctes.append(name ~ " as (select *, row_number() over () + 1 as line from " ~ _registry_scan(name) ~ ')') %}
    {% endfor %}
    {% set known = metric_definitions() %}
    {% set metrics = [] %}
    {% for metric in known.values() %}
        {% set unsupported = quoted_text(metric.unsupported) if metric.unsupported else 'null' %}
        {% do metrics.append('(' ~ quoted_text(metric.name) ~ ', ' ~ quoted_text(metric.direction) ~ ', ' ~ unsupported ~ ')') %}
    {% endfor %}
    {% do ctes.append('known_metrics as (select * from (values ' ~ metrics | join(', ') ~ ') as known (metric_name, direction, unsupported))') %}
    {{ return('with ' ~ ctes | join(',\n') ~ '\n') }}
{% endmacro %}


{% macro _problem(file, where, message, from=none) %}
    {#- A query of the rows where something is wrong; the message is SQL. -#}
    {{ return("select '" ~ file ~ "', line, " ~ message ~ ' from ' ~ (from or file) ~ ' where ' ~ where) }}
{% endmacro %}


{% macro _not_one_of(file, column, values) %}
    {{ return(_problem(file, 'coalesce(' ~ column ~ ", '') not in (" ~ quoted_texts(values) ~ ')',
        "'" ~ column ~ " == ''' || coalesce(" ~ column ~ ", '') || ''', must be one of " ~ values | join(', ') ~ "'")) }}
{% endmacro %}


{% macro _unreadable_time(file, column, example) %}
    {#- Seeds are cast to timestamps, which drops an offset, a PM and all else behind them without a word. -#}
    {{ return(_unreadable(file, column, 'timestamp', 'a time like ' ~ example) ~ ' union all '
        ~ _problem(file, 'epoch_us(try_cast(' ~ column ~ ' as timestamp)) != epoch_us(try_cast(' ~ column ~ ' as timestamptz))',
            "'" ~ column ~ " == ''' || " ~ column ~ " || ''' is not in UTC, as all times of the registry are; convert it and leave the offset out'")
        ~ ' union all ' ~ _problem(file, 'try_cast(' ~ column ~ ' as timestamp) is not null and try_cast(' ~ column ~ ' as timestamptz) is null',
            "'" ~ column ~ " == ''' || " ~ column ~ " || ''' has something behind the time, which would be dropped; write it in UTC, like " ~ example ~ "'")) }}
{% endmacro %}


{% macro _unreadable(file, column, type, expected) %}
    {{ return(_problem(file, column ~ ' is not null and try_cast(' ~ column ~ ' as ' ~ type ~ ') is null',
        "'" ~ column ~ " == ''' || " ~ column ~ " || ''', must be " ~ expected ~ "'")) }}
{% endmacro %}


{% macro _not_positive(file, column, or_zero=false) %}
    {{ return(_problem(file, column ~ ' is not null and coalesce(not try_cast(' ~ column ~ ' as double) >' ~ ('=' if or_zero) ~ ' 0, true)',
        "'" ~ column ~ " == ''' || " ~ column ~ " || ''', must be a number " ~ ('>= 0' if or_zero else '> 0') ~ ", or empty'")) }}
{% endmacro %}


{% macro _not_whole(file, column) %}
    {{ return(_problem(file, 'try_cast(' ~ column ~ ' as double) > 0 and coalesce(try_cast(' ~ column ~ ' as bigint) != try_cast(' ~ column ~ ' as double), true)',
        "'" ~ column ~ " == ''' || " ~ column ~ " || ''', must be a whole number, or empty'")) }}
{% endmacro %}


{% macro _missing(file, column) %}
    {{ return(_problem(file, column ~ ' is null', "'" ~ column ~ " is empty; every row needs one'")) }}
{% endmacro %}


{% macro _unknown_experiment(file) %}
    {{ return(_problem(file, 'experiment_id is not null and experiment_id not in (select experiment_id from experiments where experiment_id is not null)',
        "'experiment_id == ''' || experiment_id || ''' is not in experiments.csv; add it there, or correct the name'")) }}
{% endmacro %}


{% macro _repeated(file, columns) %}
    {{ return(_problem(file, 'copy > 1', "'" ~ columns | join(', ') ~ " == ' || concat_ws(', ', " ~ columns | join(', ') ~ ") || ' is there twice; keep one row'",
        '(select *, row_number() over (partition by ' ~ columns | join(', ') ~ ' order by line) as copy from ' ~ file
        ~ ' where ' ~ columns | join(' is not null and ') ~ ' is not null)')) }}
{% endmacro %}


{% macro _ends_before_start(file) %}
    {{ return(_problem(file, 'try_cast(ended_at as timestamp) <= try_cast(started_at as timestamp)',
        "'ended_at == ''' || ended_at || ''' is not after started_at == ''' || started_at || '''; correct one of them'")) }}
{% endmacro %}


{% macro _unknown_to(file, var_name, key, names) %}
    {#- Names in a var that no row has. -#}
    {{ return("select '" ~ file ~ "', null, 'var " ~ var_name ~ " names ''' || name || ''', which is in no row; correct the name, or add the row'"
        ~ ' from (select unnest([' ~ quoted_texts(names) ~ ']) as name) where ' ~ (names | length) ~ ' > 0 and name not in'
        ~ ' (select ' ~ key ~ ' from ' ~ file ~ ' where ' ~ key ~ ' is not null)') }}
{% endmacro %}


{% macro _experiment_checks() %}
    {{ return([
        _unknown_to('experiments', 'causal_experiments', 'experiment_id', var('causal_experiments')),
        _missing('experiments', 'experiment_id'),
        _repeated('experiments', ['experiment_id']),
        _not_one_of('experiments', 'assignment', ['randomised', 'observational']),
        _not_one_of('experiments', 'status', ['running', 'completed', 'invalid']),
        _missing('experiments', 'started_at'),
        _unreadable_time('experiments', 'started_at', '2026-03-16 00:00:00'),
        _unreadable_time('experiments', 'ended_at', '2026-03-30 00:00:00, or empty while open'),
        _ends_before_start('experiments'),
        _problem('experiments', "status = 'completed' and ended_at is null",
            "'status is completed, but ended_at is empty: units would go on coming in; write when it ended'"),
        _not_positive('experiments', 'planned_units'),
        _not_positive('experiments', 'annual_units'),
        _not_whole('experiments', 'planned_units'),
        _not_whole('experiments', 'annual_units'),
        _problem('experiments', "experiment_id is not null and not exists (select 1 from experiment_variants as variants where variants.experiment_id = experiments.experiment_id)",
            "'''' || experiment_id || ''' has no variants; add them to experiment_variants.csv'"),
    ]) }}
{% endmacro %}


{% macro _variant_checks() %}
    {% set by_experiment = '(select experiment_id, min(line) as line, count(*) as variants,'
        ~ ' count(*) filter (where try_cast(is_control as boolean)) as controls, sum(try_cast(expected_share as double)) as total,'
        ~ ' count(expected_share) as shares from experiment_variants where experiment_id is not null group by experiment_id)' %}
    {{ return([
        _missing('experiment_variants', 'experiment_id'),
        _missing('experiment_variants', 'variant_id'),
        _unknown_experiment('experiment_variants'),
        _repeated('experiment_variants', ['experiment_id', 'variant_id']),
        _missing('experiment_variants', 'is_control'),
        _unreadable('experiment_variants', 'is_control', 'boolean', 'true or false'),
        _not_positive('experiment_variants', 'expected_share'),
        _not_positive('experiment_variants', 'cost_per_unit', or_zero=true),
        _problem('experiment_variants', "try_cast(is_control as boolean) and try_cast(cost_per_unit as double) > 0",
            "'cost_per_unit == ''' || cost_per_unit || ''' of the control of ''' || experiment_id || ''', must be empty or 0: give the others what they cost beyond it'"),
        _problem('experiment_variants', 'controls != 1',
            "'''' || experiment_id || ''' has ' || controls || ' controls, must have exactly one; set is_control to true for one variant'", by_experiment),
        _problem('experiment_variants', 'variants < 2',
            "'''' || experiment_id || ''' has one variant, must have at least two'", by_experiment),
        _problem('experiment_variants', 'shares > 0 and abs(total - 1) > 1e-6',
            "'''' || experiment_id || ''': expected_share adds up to ' || round(total, 6) || ', must add up to 1'", by_experiment),
        _problem('experiment_variants', "shares < variants and experiment_id in (select experiment_id from experiments where assignment = 'randomised')",
            "'''' || experiment_id || ''' is randomised, but a variant has no expected_share'", by_experiment),
    ]) }}
{% endmacro %}


{% macro _phase_checks() %}
    {#- A phase without an end goes on to that of the experiment; one that is still open has none. -#}
    {% set by_phase = '(select experiment_id, phase_id, min(line) as line, sum(try_cast(expected_share as double)) as total,'
        ~ ' min(try_cast(started_at as timestamp)) as started_at,'
        ~ " max(coalesce(try_cast(ended_at as timestamp), timestamp 'infinity')) as ended_at,"
        ~ ' count(distinct (started_at, ended_at)) as spans from experiment_phases'
        ~ ' where experiment_id is not null and phase_id is not null group by experiment_id, phase_id)' %}
    {% set overlapping = '(select later.experiment_id, later.phase_id, later.line, earlier.phase_id as other from ' ~ by_phase ~ ' as later inner join ' ~ by_phase
        ~ ' as earlier on later.experiment_id = earlier.experiment_id and (earlier.started_at, earlier.phase_id) < (later.started_at, later.phase_id)'
        ~ ' and later.started_at < earlier.ended_at)' %}
    {#- Where one phase begins the earlier ones must have ended; so must the last where the experiment does, whose end begins nothing. -#}
    {% set begun = "(select experiment_id, try_cast(started_at as timestamp) as started_at, coalesce(try_cast(ended_at as timestamp), timestamp 'infinity') as ended_at"
        ~ ' from experiments)' %}
    {% set limits = '(select experiment_id, line, started_at, ended_at from ' ~ by_phase
        ~ " union all select experiment_id, max_by(line, started_at) as line, timestamp 'infinity' as started_at, timestamp 'infinity' as ended_at from " ~ by_phase
        ~ ' group by experiment_id)' %}
    {% set uncovered = '(select limits.experiment_id, limits.line, greatest(begun.started_at, max(limits.ended_at) over (partition by limits.experiment_id'
        ~ ' order by limits.started_at, limits.ended_at rows between unbounded preceding and 1 preceding)) as begins_at,'
        ~ ' least(limits.started_at, begun.ended_at) as ends_at from ' ~ limits ~ ' as limits inner join ' ~ begun ~ ' as begun on limits.experiment_id = begun.experiment_id)' %}
    {{ return([
        _missing('experiment_phases', 'experiment_id'),
        _missing('experiment_phases', 'phase_id'),
        _unknown_experiment('experiment_phases'),
        _repeated('experiment_phases', ['experiment_id', 'phase_id', 'variant_id']),
        _problem('experiment_phases', 'experiment_id is not null and (experiment_id, variant_id) not in (select (experiment_id, variant_id) from experiment_variants)',
            "'variant_id == ''' || coalesce(variant_id, '') || ''' is not a variant of ''' || experiment_id || ''' in experiment_variants.csv'"),
        _not_positive('experiment_phases', 'expected_share', or_zero=true),
        _missing('experiment_phases', 'started_at'),
        _unreadable_time('experiment_phases', 'started_at', '2026-03-16 00:00:00'),
        _unreadable_time('experiment_phases', 'ended_at', '2026-03-30 00:00:00, or empty in the last phase'),
        _ends_before_start('experiment_phases'),
        _problem('experiment_phases', 'abs(total - 1) > 1e-6',
            "'phase ''' || phase_id || ''' of ''' || experiment_id || ''': expected_share adds up to ' || round(total, 6) || ', must add up to 1'", by_phase),
        _problem('experiment_phases', 'spans > 1',
            "'phase ''' || phase_id || ''' of ''' || experiment_id || ''' has different times in its rows, must have the same'", by_phase),
        _problem('experiment_phases', 'true',
            "'phase ''' || phase_id || ''' of ''' || experiment_id || ''' overlaps with phase ''' || other || '''; end one before the other starts'", overlapping),
        _problem('experiment_phases', 'begins_at < ends_at',
            "'''' || experiment_id || ''' is in no phase from ' || begins_at || if(ends_at = timestamp 'infinity', ' on', ' to ' || ends_at)"
            ~ " || '; phases cover an experiment from its start to its end, the last may have no ended_at'", uncovered),
    ]) }}
{% endmacro %}


{% macro _metric_checks() %}
    {% set known = '(select * from experiment_metrics inner join known_metrics using (metric_name))' %}
    {{ return([
        _missing('experiment_metrics', 'experiment_id'),
        _unknown_to('experiment_metrics', 'uplift_metrics', "experiment_id || '.' || metric_name", var('uplift_metrics') | reject('equalto', 'none') | list),
        _unknown_experiment('experiment_metrics'),
        _repeated('experiment_metrics', ['experiment_id', 'metric_name']),
        _not_one_of('experiment_metrics', 'role', ['primary', 'secondary', 'guardrail']),
        _not_positive('experiment_metrics', 'minimum_detectable_effect'),
        _not_positive('experiment_metrics', 'non_inferiority_margin'),
        _unreadable('experiment_metrics', 'value_per_unit', 'double', 'a number, or empty'),
        _problem('experiment_metrics', 'coalesce(metric_name, \'\') not in (select metric_name from known_metrics)',
            "'metric_name == ''' || coalesce(metric_name, '') || ''' is not a metric of the semantic layer, must be one of '"
            ~ " || (select string_agg(metric_name, ', ' order by metric_name) from known_metrics where unsupported is null)"
            ~ " || ', or one of your own, declared in YAML beside this table (docs/metrics/README.md)'"),
        _problem('experiment_metrics', 'unsupported is not null',
            "'metric_name == ''' || metric_name || ''' can''t be used by experiments: ' || unsupported", known),
        _problem('experiment_metrics', "try_cast(value_per_unit as double) * if(direction = 'decrease', -1, 1) < 0",
            "'value_per_unit == ''' || value_per_unit || ''', but the direction of ' || metric_name || ' is ' || direction || "
            ~ "'; correct the sign, or the direction where the metric is defined'", known),
    ]) }}
{% endmacro %}
