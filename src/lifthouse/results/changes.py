"""Which experiments a table has to be computed of anew: those whose inputs changed since it was."""

from __future__ import annotations

import json
from typing import Any

from lifthouse.results.conditions import is_one_of, literal


def of_changed_experiments(dbt: Any, session: Any, inputs: Any) -> str:
    """Write the condition of the rows to read: macro `of_changed_experiments` for Python models.

    Args:
        dbt: What dbt gives the model.
        session: The connection.
        inputs: Relation `int_experiment_inputs`.

    Returns:
        SQL condition on experiment_id; every row where the table is built in full.

    """
    fingerprints = dict(inputs.project("experiment_id, fingerprint").fetchall())
    remembered = _remembered(dbt.this, session) if dbt.is_incremental else {}
    return is_one_of("experiment_id", changed_experiments(fingerprints, remembered))


def changed_experiments(fingerprints: dict[str, str], remembered: dict[str, str]) -> list[str]:
    """Name the experiments whose fingerprint is not the one remembered, in order.

    Example:
        >>> changed_experiments({"new": "1", "same": "2", "other": "3"}, {"same": "2", "other": "4", "gone": "5"})
        ['new', 'other']

    """
    return sorted(name for name, fingerprint in fingerprints.items() if remembered.get(name) != fingerprint)


def _remembered(table: Any, session: Any) -> dict[str, str]:
    """Fingerprints that macro remember_experiments noted on a table."""
    found = session.execute(
        "select comment from duckdb_tables() where database_name = current_database() "
        f"and schema_name = {literal(table.schema)} and table_name = {literal(table.identifier)}"
    ).fetchall()
    comment = (found[0][0] if found else None) or "{}"
    remembered: dict[str, str] = json.loads(comment).get("experiments", {})
    return remembered
