"""lifthouse: an experimentation platform that is a dbt project."""
