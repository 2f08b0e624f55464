"""SQL by which results choose their rows."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """Write a text as SQL has it.

    Example:
        >>> literal("b's")
        "'b''s'"

    """
    return "'" + text.replace("'", "''") + "'"


def is_one_of(column: str, texts: Iterable[str]) -> str:
    """Write a condition that holds where a column has one of these texts; without texts it never does.

    Example:
        >>> is_one_of("experiment_id", ["a", "b"]), is_one_of("experiment_id", [])
        ("experiment_id in ('a', 'b')", 'false')

    """
    listed = ", ".join(map(literal, texts))
    return f"{column} in ({listed})" if listed else "false"
