"""From a table of covariates to a design matrix: categories, gaps and constants are handled, not crashed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifthouse.statistics.digits import significant
from lifthouse.statistics.reasons import Floats

# A category rarer than this share of the fitted units, or beyond so many of them, counts as `other`.
_RAREST_SHARE = 0.005
_MOST_CATEGORIES = 30
_OTHER = "other"
# A column whose part that others do not explain is smaller than this, in standard deviations, is left out.
_COLLINEAR = 1e-6
_MICROSECONDS_A_DAY = 86_400e6


@dataclass(frozen=True)
class Column:
    """One column of the design matrix.

    Attributes:
        covariate: Column of the table.
        category: The category it marks; None where it is the number itself or marks a gap.
        is_gap: Whether it marks missing values.
        centre: What is taken off a number; a missing one counts as this.
        scale: What the difference is divided by.

    """

    covariate: str
    category: str | None = None
    is_gap: bool = False
    centre: float = 0.0
    scale: float = 1.0

    @property
    def name(self) -> str:
        """Name that tables show: `region = north`, `income is missing`, `income`."""
        if self.is_gap:
            return f"{self.covariate} is missing"
        return self.covariate if self.category is None else f"{self.covariate} = {self.category}"


@dataclass(frozen=True)
class Encoder:
    """How tables become design matrices; fitted once, then applied to any number of batches.

    Attributes:
        columns: Columns of the matrix. None is constant or a linear combination of others on the fitted rows.
        categories: Categories of each categorical covariate that are not `other`.

    """

    columns: tuple[Column, ...]
    categories: dict[str, tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @classmethod
    def fit(cls, table: pa.Table, covariates: Sequence[str]) -> Encoder:
        """Choose the columns from the rows to fit on.

        Numbers are standardised, and a missing one counts as the mean beside a column that marks it. Categories get a
        column each but for the most frequent; rare ones share `other`, and missing is a category. Covariates that are
        constant or all missing vanish, and so does a column that the earlier ones determine.

        Args:
            table: Rows to fit on.
            covariates: Its columns to use; numbers, booleans, text; days and moments count as days since 1970.

        Returns:
            The encoder; without columns where nothing varies.

        Raises:
            TypeError: If a covariate is of another type.

        Example:
            >>> units = pa.table({"age": [30, 40, None], "town": ["a", "b", "a"], "planet": ["earth"] * 3})
            >>> Encoder.fit(units, ["age", "town", "planet"]).names
            ['age', 'age is missing']

        """
        found: list[Column] = []
        categories: dict[str, tuple[str, ...]] = {}
        for name in covariates:
            values = table[name]
            if pa.types.is_null(values.type) or values.null_count == len(values):
                continue
            if _is_text(values.type):
                kept = _frequent(values)
                categories[name] = kept
                found += [Column(name, category) for category in (*kept[1:], _OTHER)]
            else:
                found += _number_columns(name, _numbers(values, name))
            if values.null_count:
                found.append(Column(name, is_gap=True))
        encoder = cls(tuple(found), categories)
        return cls(tuple(found[at] for at in _independent(encoder.matrix(table))), categories)

    def matrix(self, table: pa.Table | pa.RecordBatch) -> Floats:
        """Design matrix of shape (n_units, n_columns) of a table or a batch that has the covariates."""
        matrix = np.empty((table.num_rows, len(self.columns)))
        known: dict[str, pa.ChunkedArray] = {}
        for at, column in enumerate(self.columns):
            values = known.setdefault(column.covariate, _chunked(table, column.covariate))
            if column.is_gap:
                matrix[:, at] = pc.is_null(values).to_numpy()
            elif column.category is None:
                numbers = (_numbers(values, column.covariate) - column.centre) / column.scale
                matrix[:, at] = np.nan_to_num(numbers, nan=0.0)
            elif column.category == _OTHER:
                kept = pa.array(self.categories[column.covariate], pa.string())
                other = pc.invert(pc.is_in(values.cast(pa.string()), value_set=kept))
                matrix[:, at] = pc.and_(other, pc.is_valid(values)).to_numpy()
            else:
                matrix[:, at] = pc.fill_null(pc.equal(values.cast(pa.string()), column.category), False).to_numpy()
        return matrix


def usable_covariates(schema: pa.Schema, keys: Sequence[str]) -> list[str]:
    """Columns of a table of units other than its keys, in the table's order."""
    return [name for name in schema.names if name not in keys]


def _chunked(table: pa.Table | pa.RecordBatch, name: str) -> pa.ChunkedArray:
    values = table.column(name)
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


def _is_text(kind: pa.DataType) -> bool:
    value_type = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value_type) or pa.types.is_large_string(value_type))


def _numbers(values: pa.ChunkedArray, name: str) -> Floats:
    """Numbers of nine digits, with NaN for missing and for what is not finite."""
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        values = _finite_moments(values)
        moments = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        values, kind = pc.divide(moments.cast(pa.float64(), safe=False), _MICROSECONDS_A_DAY), pa.float64()
    if not (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        raise TypeError(f"covariate {name!r} has type {kind}, must be a number, a boolean, text, a day or a moment")
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int8())
    # Integers beyond 2^53 have more digits than a float: the first nine count.
    numbers = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), float)
    return np.where(np.isfinite(numbers), significant(numbers), np.nan)


def _finite_moments(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days or moments, null where DuckDB's are infinite: the largest number that is stored, or minus that."""
    stored = values.cast(pa.int32() if pa.types.is_date32(values.type) else pa.int64())
    largest = np.iinfo(stored.type.to_pandas_dtype()).max
    return pc.if_else(pc.is_in(stored, pa.array([largest, -largest], stored.type)), None, values)


def _frequent(values: pa.ChunkedArray) -> tuple[str, ...]:
    """Categories that are not rare nor called `other`, the most frequent first; ties in alphabetical order."""
    counts = pc.value_counts(values.drop_null().cast(pa.string()))
    pairs = sorted((-row["counts"].as_py(), row["values"].as_py()) for row in counts if row["values"].as_py() != _OTHER)
    enough = _RAREST_SHARE * len(values)
    return tuple(name for at, (count, name) in enumerate(pairs[:_MOST_CATEGORIES]) if at == 0 or -count >= enough)


def _number_columns(name: str, numbers: Floats) -> list[Column]:
    known = numbers[~np.isnan(numbers)]
    if not known.size or known.min() == known.max():
        return []
    return [Column(name, centre=float(known.mean()), scale=float(known.std()))]


def _independent(matrix: Floats) -> list[int]:
    """Columns that vary and are no linear combination of the earlier ones and a constant.

    Only the columns' cross-products are used, so that a million rows cost one pass.
    """
    if not matrix.size:
        return []
    centred = matrix - matrix.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    candidates = np.flatnonzero(spread > _COLLINEAR)
    scaled = centred[:, candidates] / spread[candidates]
    products = scaled.T @ scaled / len(matrix)
    kept: list[int] = []
    for at in range(len(candidates)):
        rest = products[at, at]
        if kept:
            to_kept = products[np.ix_(kept, [at])]
            rest -= (to_kept.T @ np.linalg.solve(products[np.ix_(kept, kept)], to_kept)).item()
        if rest > _COLLINEAR:
            kept.append(at)
    return [int(candidates[at]) for at in kept]
