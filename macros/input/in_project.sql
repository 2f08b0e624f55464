{% macro in_project(path) %}
    {#- A file of the project as SQL writes it, whatever folder dbt is called in. -#}
    {{- return(quoted_text(invocation_args_dict.project_dir ~ '/' ~ path)) -}}
{% endmacro %}
