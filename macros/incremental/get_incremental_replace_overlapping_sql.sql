{% macro get_incremental_replace_overlapping_sql(arguments) %}
    {#-
        Incremental strategy for spans of a user's time: a new span replaces those it overlaps. A late event can merge two
        sessions into one with another key, which a delete by key would leave behind.
    -#}
    {% set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ arguments.target_relation }} as old
    using {{ arguments.temp_relation }} as new
    where
        old.user_id = new.user_id
        and old.started_at <= new.ended_at
        and old.ended_at >= new.started_at;

    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arguments.temp_relation }}
{% endmacro %}
