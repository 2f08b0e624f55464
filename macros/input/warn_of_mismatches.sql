{% macro warn_of_mismatches(results) %}
    {#- On-run-end, where events were staged: warns of names that go past each other, so that what counts them is zero. -#}
    {% if execute and 'stg_events' in results | selectattr('status', 'in', ['success', 'pass']) | map(attribute='node.name') %}
        {% do _warn_of_roles() %}
        {% for input_name, key in {'exposures': 'user_id', 'users': 'user_id', 'items': 'item_id'}.items() %}
            {% do _warn_of_ids(input_name, key) %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_roles() %}
    {#-
        Roles that no event plays, while there are event types that play none. Types of one's own beside those of every role are common, and
        so is a role that a product lacks: an empty list says that it does.
    -#}
    {% set seen = run_query('select event_type, count(*) from staging.stg_events group by 1 order by 2 desc, 1') %}
    {% set idle, unplayed = seen.columns[0].values() | list, [] %}
    {% set roles = dict(var('event_roles')) %}
    {% for role in ['impression', 'click', 'cart', 'purchase'] if role not in roles %}
        {% do roles.update({role: [role]}) %}
    {% endfor %}
    {% set played = roles.values() | sum(start=[]) + var('funnels').values() | map(attribute='steps') | sum(start=[]) %}
    {% for role, event_types in roles.items() if event_types and not event_types | select('in', idle) | list %}
        {% do unplayed.append(role ~ ' (' ~ event_types | join(', ') ~ ')') %}
    {% endfor %}
    {% set idle = idle | reject('in', played) | list %}
    {% if idle and unplayed %}
        {% do exceptions.warn('lifthouse: no event is ' ~ unplayed | join(', or ') ~ ': what counts that is zero. Event types without a role: '
            ~ _some_of(idle) ~ '. Expected: var event_roles names the event types of each role. Set it in vars.yml beside the data; '
            ~ 'an empty list, as in cart: [], says that a role is played by none.') %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_ids(input_name, key) %}
    {#- Ids of which none is in events, such as 007 where events have 7. -#}
    {% set examples = run_query('select (select min(' ~ key ~ ') from staging.stg_' ~ input_name ~ '), (select min(' ~ key ~ ') from staging.stg_events)'
        ~ ' where not exists (select 1 from staging.stg_events where ' ~ key ~ ' in (select ' ~ key ~ ' from staging.stg_' ~ input_name ~ '))') %}
    {% for ours, theirs in examples if ours is not none and theirs is not none %}
        {% do exceptions.warn('lifthouse: no ' ~ key ~ ' of ' ~ input_name ~ ' (such as ' ~ ours ~ ') is in events (such as ' ~ theirs
            ~ '): nothing joins them. Expected: ids written alike in both. Correct one of them.') %}
    {% endfor %}
{% endmacro %}
