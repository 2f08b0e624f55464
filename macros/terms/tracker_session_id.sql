{% macro tracker_session_id(user_id, session_id) -%}
    {#- A tracker's session of a user. The length keeps user a-b with session c apart from user a with session b-c. -#}
    concat_ws('-', length({{ user_id }}), {{ user_id }}, {{ session_id }})
{%- endmacro %}
