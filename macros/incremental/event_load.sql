{% macro event_load() %}
    {#- What a run reads of the events, as a text that differs where the rows do: from when on, under which settings, of which files. -#}
    {% set location = input_location('events') %}
    {% if location.kind == 'relation' %}
        {% set content = 'select count(*) from ' ~ location.scan %}
    {% elif location.kind == 'absent' %}
        {% set content = 'select 0' %}
    {% else %}
        {% set content = "select md5(string_agg(concat_ws('|', filename, size, last_modified), chr(10) order by filename)) from read_blob("
            ~ quoted_text(location.label) ~ ')' %}
    {% endif %}
    {{ return('events after ' ~ (events_watermark() or 'the beginning') ~ ' of ' ~ scalar(content) ~ ', ' ~ settings_fingerprint('staging')) }}
{% endmacro %}


{% macro loaded_before_last_run() %}
    {#-
        A condition on loaded_at: the event was there to be read before the last run; false where that run read everything. Of dbt test,
        which comes after it, the last run's files may be gone, too.
    -#}
    {% if flags.WHICH == 'test' %}
        {{ return('true') }}
    {% endif %}
    {% set load = table_comments(target.database, 'staging').get('stg_suspect_events') if execute %}
    {% set since = modules.re.match('events after ([0-9][0-9:. -]*) of ', load or '') %}
    {{ return("loaded_at <= timestamp '" ~ since.group(1) ~ "'" if since else 'false') }}
{% endmacro %}


{% macro note_event_load() %}
    {#-
        Pre-hook of stg_suspect_events: says which load it is about to look through. Noted before the rows are read, so that a file that
        comes meanwhile makes another load. Remembered in the table's comment after, and held against the load that is there when
        stg_events_rejected and stg_events read the table: the suspects of one load say nothing about the rows of another.
    -#}
    {% if execute %}
        set variable event_load = '{{ event_load() }}'
    {% endif %}
{% endmacro %}


{% macro note_refresh() %}
    {#- Pre-hook of stg_suspect_events: a refresh that does not get as far as stg_events is completed by the next run. -#}
    {% if execute and flags.FULL_REFRESH and 'stg_events' in table_comments(target.database, 'staging') %}
        comment on table {{ api.Relation.create(target.database, 'staging', 'stg_events') }} is null
    {% endif %}
{% endmacro %}


{% macro remember_event_load() %}
    {#- Post-hook of stg_suspect_events. -#}
    {% if execute %}
        comment on table {{ this }} is '{{ scalar("select getvariable('event_load')") }}'
    {% endif %}
{% endmacro %}


{% macro require_event_load() %}
    {#- Pre-hook of what reads stg_suspect_events: stops where that table is of another load. -#}
    {% if execute %}
        {% set found = table_comments(target.database, 'staging').get('stg_suspect_events') %}
        {% set expected = event_load() %}
        {% if found != expected %}
            {% do exceptions.raise_compiler_error(
                'stg_suspect_events is of another load than ' ~ this.identifier ~ ' is to read; nothing was changed. '
                ~ 'Either only a part of staging was selected, or the input changed during the run. Expected: ' ~ expected ~ '; found: '
                ~ (found or 'none') ~ '. Build both: dbt run --select +stg_events, with the vars of every build'
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}
