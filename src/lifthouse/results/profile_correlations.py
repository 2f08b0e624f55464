"""`fct_profile_correlations`: how metrics and numeric attributes of users move together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from lifthouse.results.columns import columns_of, typed
from lifthouse.statistics.reasons import Floats

Texts = npt.NDArray[np.object_]

COLUMNS = columns_of(
    texts=["experiment_id", "variant_id", "column_name", "other_column_name", "reason"],
    counts=["count_users"],
    numbers=["correlation"],
)
# As the macro is_number_type has it.
_NUMBERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    *("FLOAT", "DOUBLE", "BOOLEAN"),
)
_SCOPE = ["experiment_id", "variant_id"]
# A variance that is a smaller share of the mean square is rounding: the column is constant.
_ROUNDING = 1e-12


def numeric_columns(names: Sequence[str], types: Sequence[object]) -> list[str]:
    """Choose the columns of a DuckDB relation that hold numbers or flags.

    Args:
        names: The relation's `columns`.
        types: Its `types`.

    Example:
        >>> numeric_columns(["plan", "seats", "price"], ["VARCHAR", "BIGINT", "DECIMAL(9,2)"])
        ['seats', 'price']

    """
    kinds = map(str, types)
    return [name for name, kind in zip(names, kinds, strict=True) if kind in _NUMBERS or kind.startswith("DECIMAL")]


def profile_correlations(
    batches: Iterable[pa.RecordBatch], columns: Sequence[str], centres: Mapping[tuple[str, str], Sequence[float]]
) -> pd.DataFrame:
    """Correlate every pair of columns, in every scope over the users who have both.

    One pass in which memory does not grow with the users. A product of matrices adds up all pairs at once: their number
    grows with the square of the columns', and as aggregates of one query a hundred columns were too many.

    Args:
        batches: Rows with experiment_id, variant_id and then the columns, as doubles. What is not finite is missing.
        columns: Names of the columns, in order.
        centres: By scope, about the mean of each column: sums are taken about it, so that few digits cancel. Not
            finite: zero. The centres of all users would not do: of one with a number far from all others they are far
            from the columns of an arm that has not got this user.

    Returns:
        `COLUMNS`, one row per scope and pair of columns, with Pearson's correlation or the reason why there is none.

    """
    origins = {
        scope: np.nan_to_num(np.asarray(means, dtype=np.float64), posinf=0, neginf=0)
        for scope, means in centres.items()
    }
    scopes: dict[tuple[str, str], _PairSums] = {}
    for batch in batches:
        frame = batch.to_pandas()
        values = frame.drop(columns=_SCOPE).to_numpy(dtype=np.float64)
        for scope, rows in frame.groupby(_SCOPE, sort=False).indices.items():
            sums = scopes.setdefault(scope, _PairSums.of_no_rows(len(columns)))
            sums.add(values[rows] - origins[scope])
    firsts, seconds = np.triu_indices(len(columns), k=1)
    names = np.asarray(columns, dtype=object)
    tables = []
    for (experiment_id, variant_id), sums in sorted(scopes.items()):
        correlations, reasons = sums.correlations()
        table = pd.DataFrame(
            {
                "experiment_id": experiment_id,
                "variant_id": variant_id,
                "column_name": names[firsts],
                "other_column_name": names[seconds],
                "count_users": sums.counts[firsts, seconds],
                "correlation": correlations[firsts, seconds],
                "reason": reasons[firsts, seconds],
            }
        )
        tables.append(table)
    return typed(pd.concat(tables) if tables else pd.DataFrame(), COLUMNS)


@dataclass
class _PairSums:
    """Sums over rows where both columns of a pair are present, each of shape (n_columns, n_columns)."""

    counts: Floats
    of_first: Floats
    of_first_squared: Floats
    of_products: Floats

    @classmethod
    def of_no_rows(cls, count: int) -> _PairSums:
        return cls(*(np.zeros((count, count)) for _ in range(4)))

    def add(self, values: Floats) -> None:
        """Add rows of shape (n_rows, n_columns)."""
        is_present = np.isfinite(values)
        values = np.where(is_present, values, 0)
        present = is_present.astype(np.float64)
        self.counts += present.T @ present
        with np.errstate(over="ignore", invalid="ignore"):
            self.of_first += values.T @ present
            self.of_first_squared += (values * values).T @ present
            self.of_products += values.T @ values

    def correlations(self) -> tuple[Floats, Texts]:
        """Return Pearson's correlations, nan where there are none, and the reasons why, None where there are."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            squares = self.counts * self.of_first_squared
            spread = squares - self.of_first**2
            is_constant = spread <= _ROUNDING * squares
            joint = self.counts * self.of_products - self.of_first * self.of_first.T
            correlations = np.clip(joint / (np.sqrt(spread) * np.sqrt(spread.T)), -1, 1)
        is_finite = np.isfinite(spread)
        reasons = np.full(correlations.shape, None, dtype=object)
        reasons[is_constant | is_constant.T] = "one of the columns is constant"
        reasons[~(is_finite & is_finite.T)] = "one of the columns has numbers too large to be squared"
        reasons[self.counts < 2] = "fewer than two users have both"
        return np.where(pd.isna(reasons), correlations, np.nan), reasons
