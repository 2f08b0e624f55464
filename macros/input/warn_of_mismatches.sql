{% macro warn_of_mismatches(results) %}
    {#- On-run-end: warns of names in what was staged that go past each other, so that what counts them is zero. -#}
    {% set staged = results | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list if execute else [] %}
    {% if 'stg_events' in staged %}
        {% set seen = run_query('select event_type, count(*) from staging.stg_events group by 1 order by 2 desc, 1').columns[0].values() | list %}
        {% do _warn_of_roles(seen) %}
        {% do _warn_of_funnels(seen) %}
        {% for input_name, key in {'exposures': 'user_id', 'users': 'user_id', 'items': 'item_id'}.items() if 'stg_' ~ input_name in staged %}
            {% do _warn_of_ids(input_name, key) %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_roles(seen) %}
    {#-
        Roles that no event plays, while there are event types that play none. Types of one's own beside those of every role are common, and
        so is a role that a product lacks: an empty list says that it does.
    -#}
    {% set unplayed = [] %}
    {% set played = var('funnels').values() | map(attribute='steps') | sum(start=[]) %}
    {% for role in (['impression', 'click', 'cart', 'purchase'] + var('event_roles') | list) | unique(case_sensitive=true) %}
        {% set event_types = event_types_of(role) %}
        {% do played.extend(event_types) %}
        {% if event_types and not event_types | select('in', seen) | list %}
            {% do unplayed.append(role ~ ' (' ~ event_types | join(', ') ~ ')') %}
        {% endif %}
    {% endfor %}
    {% set idle = seen | reject('in', played) | list %}
    {% if idle and unplayed %}
        {% do exceptions.warn('lifthouse: no event is ' ~ unplayed | join(', or ') ~ ': what counts that is zero. Event types without a role: '
            ~ some_of(idle) ~ '. Expected: var event_roles names the event types of each role. Set it in vars.yml beside the data; '
            ~ 'an empty list, as in cart: [], says that a role is played by none.') %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_funnels(seen) %}
    {#- Steps that no event plays, be it that their role says so: nobody comes past them. -#}
    {% set broken = [] %}
    {% for name, funnel in (var('funnels') if seen else {}).items() %}
        {% set unplayed = [] %}
        {% for step in funnel.steps if not event_types_of(step) | select('in', seen) | list %}
            {% do unplayed.append(step) %}
        {% endfor %}
        {% if unplayed %}
            {% do broken.append(name ~ ' (' ~ unplayed | join(', ') ~ ')') %}
        {% endif %}
    {% endfor %}
    {% if broken %}
        {% do exceptions.warn('lifthouse: funnels with steps that no event plays: ' ~ broken | join(', ') ~ '. These and the steps after them are zero. '
            ~ 'Expected: var funnels names the steps of your product, each a role or an event type. Set it in vars.yml beside the data.') %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_ids(input_name, key) %}
    {#- Ids of which none is in events, such as 007 where events have 7. -#}
    {% set ours, events = 'staging.stg_' ~ input_name, 'staging.stg_events' %}
    {% set both_but_apart = 'select 1 where exists (select 1 from ' ~ ours ~ ') and exists (select 1 from ' ~ events ~ ' where ' ~ key ~ ' is not null)'
        ~ ' and not exists (select 1 from ' ~ events ~ ' where ' ~ key ~ ' in (select ' ~ key ~ ' from ' ~ ours ~ '))' %}
    {% for _ in run_query(both_but_apart) %}
        {% set examples = run_query('select (select min(' ~ key ~ ') from ' ~ ours ~ '), (select min(' ~ key ~ ') from ' ~ events ~ ')')[0] %}
        {% do exceptions.warn('lifthouse: no ' ~ key ~ ' of ' ~ input_name ~ ' (such as ' ~ examples[0] ~ ') is in events (such as ' ~ examples[1]
            ~ '): nothing joins them. Expected: ids written alike in both. Correct one of them.') %}
    {% endfor %}
{% endmacro %}
