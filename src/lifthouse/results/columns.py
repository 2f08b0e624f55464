"""Tables of results: the same columns of the same types, whatever their rows, also without any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

_DATE = "datetime64[us]"


def columns_of(
    *,
    texts: Iterable[str],
    counts: Iterable[str] = (),
    numbers: Iterable[str] = (),
    flags: Iterable[str] = (),
    dates: Iterable[str] = (),
) -> dict[str, str]:
    """Give the type of each column, in the order in which tables have them.

    Example:
        >>> columns_of(texts=["name"], numbers=["mean"])
        {'name': 'string', 'mean': 'float64'}

    """
    kinds = ((texts, "string"), (counts, "Int64"), (numbers, "float64"), (flags, "boolean"), (dates, _DATE))
    return {name: kind for names, kind in kinds for name in names}


def typed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Give a frame these columns, in order, of these types; what it lacks is null, what is not named is left out.

    Args:
        frame: Any rows.
        columns: From `columns_of`. Counts are rounded.

    Example:
        >>> typed(pd.DataFrame({"n": [2.0]}), columns_of(texts=["name"], counts=["n"])).dtypes.astype(str).tolist()
        ['string', 'Int64']

    """
    table = frame.reindex(columns=list(columns))
    counts = [name for name, kind in columns.items() if kind == "Int64"]
    table[counts] = table[counts].astype("float64").round()
    return table.astype(dict(columns))
