{% macro quoted_text(text) %}
    {#- A text as SQL writes it; what adapter.quote is to the name of a column. -#}
    {{- return("'" ~ text | string | replace("'", "''") ~ "'") -}}
{% endmacro %}


{% macro quoted_texts(texts) %}
    {#- What stands in the brackets after `in`: the texts, or an empty one, which no id and no name is. -#}
    {%- set quoted = [] -%}
    {%- for text in texts -%}{%- do quoted.append(quoted_text(text)) -%}{%- endfor -%}
    {{- return(quoted | join(', ') or "''") -}}
{% endmacro %}
