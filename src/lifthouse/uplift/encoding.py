"""Covariates of any type as numbers, the same way for units that are fitted and units that come later."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pandas as pd

from lifthouse.statistics.digits import significant
from lifthouse.statistics.reasons import Bools, Floats, Ints

MOST_LEVELS = 20


@dataclass(frozen=True)
class Encoding:
    """How a frame of covariates becomes an array.

    Attributes:
        numbers: Covariates taken as they are, true as 1; days and moments as days since 1970.
        levels: Of each other covariate the levels that get a column of 0 and 1, the most frequent `MOST_LEVELS`.

    """

    numbers: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Encoding:
        """Learn the encoding of the columns that vary.

        Args:
            frame: One row a unit, a column a covariate.

        Raises:
            TypeError: If a covariate is no number, boolean, text, day or moment.

        Example:
            >>> Encoding.of(pd.DataFrame({"age": [1, 2], "plan": ["a", "b"], "empty": [None, None]})).columns
            ['age', 'plan = a', 'plan = b']

        """
        numbers, levels = [], {}
        for name in frame.columns:
            is_number = _is_number(frame[name].dropna(), str(name))
            known = (pd.Series(_numbers(frame[name])) if is_number else frame[name]).dropna()
            if known.nunique() < 2 and (known.empty or len(known) == len(frame)):
                continue
            if is_number:
                numbers.append(str(name))
            else:
                counts = known.astype(str).value_counts()
                frequent = sorted(counts.index, key=lambda level: (-counts[level], level))[:MOST_LEVELS]
                levels[str(name)] = tuple(sorted(frequent))
        return cls(tuple(numbers), levels)

    @property
    def columns(self) -> list[str]:
        """Names of the array's columns."""
        return [*self.numbers, *(f"{name} = {level}" for name, of in self.levels.items() for level in of)]

    @property
    def groups(self) -> dict[str, Ints]:
        """Positions of each covariate's columns."""
        groups = {name: np.array([at]) for at, name in enumerate(self.numbers)}
        start = len(self.numbers)
        for name, of in self.levels.items():
            groups[name] = np.arange(start, start + len(of))
            start += len(of)
        return groups

    def encode(self, frame: pd.DataFrame) -> Floats:
        """Encode units, shape (n, columns): NaN for an unknown number, zeros for an unknown or rare level."""
        encoded = np.empty((len(frame), len(self.columns)))
        for at, name in enumerate(self.numbers):
            encoded[:, at] = _numbers(frame[name])
        at = len(self.numbers)
        for name, of in self.levels.items():
            values = frame[name].astype("string")
            for level in of:
                encoded[:, at] = (values == level).fillna(False).to_numpy(bool)
                at += 1
        return encoded


def post_treatment_columns(covariates: Floats, treated: Bools, *, groups: dict[str, Ints], alpha: float) -> list[str]:
    """Name the covariates that differ between randomised arms: they can't have been fixed before exposure.

    Args:
        covariates: Encoded, shape (n, k).
        treated: Whether a unit was in treatment, shape (n,).
        groups: Positions of each covariate's columns.
        alpha: Chance to name any covariate of a clean experiment, split evenly over columns (Bonferroni).

    Returns:
        The covariates.

    Example:
        >>> treated = np.arange(1000) % 2 == 0
        >>> after = np.column_stack([np.arange(1000) % 7, treated + np.arange(1000) % 3])
        >>> groups = {"before": np.array([0]), "after": np.array([1])}
        >>> post_treatment_columns(after.astype(float), treated, groups=groups, alpha=0.001)
        ['after']

    """
    p_values = np.ones(covariates.shape[1])
    for at in range(covariates.shape[1]):
        gaps = np.isnan(covariates[:, at])
        p_values[at] = _difference_p_value(*(covariates[arm & ~gaps, at] for arm in (treated, ~treated)))
        if gaps.any() and not gaps.all():
            gap = _difference_p_value(*(gaps[arm].astype(float) for arm in (treated, ~treated)))
            p_values[at] = 2 * min(p_values[at], gap)
    threshold = alpha / len(p_values)
    return [name for name, columns in groups.items() if (p_values[columns] < threshold).any()]


def _difference_p_value(one: Floats, zero: Floats) -> float:
    """Test that two samples are alike: of 0 and 1 exactly, of other numbers by ranks; 1 where one is too small.

    Of samples that a lot has dealt. Welch's test would take a rare level that happens to be in one arm alone for
    proof: it sees no spread in the other.
    """
    from scipy import stats  # noqa: PLC0415

    if min(len(one), len(zero)) < 2:
        return 1.0
    both = np.concatenate([one, zero])
    if np.isin(both, (0.0, 1.0)).all():
        table = [[np.count_nonzero(sample == value) for value in (0.0, 1.0)] for sample in (one, zero)]
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.mannwhitneyu(one, zero, method="asymptotic").pvalue)


def _numbers(values: pd.Series) -> Floats:
    """Numbers of nine digits, with NaN for missing and for what is not finite."""
    if pd.api.types.is_datetime64_any_dtype(values):
        # Nanoseconds end in 2262, before the 9999-12-31 that stands for never.
        moments = pd.to_datetime(values, utc=True).dt.as_unit("us")
        values = (moments - pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")).dt.total_seconds() / 86_400
    numbers = np.asarray(values.astype("Float64").to_numpy(float, na_value=np.nan), float)
    return np.where(np.isfinite(numbers), significant(numbers), np.nan)


def _is_number(known: pd.Series, name: str) -> bool:
    if pd.api.types.is_datetime64_any_dtype(known):
        return True
    if pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        return True
    if all(isinstance(value, (bool, int, float)) for value in known):
        return True
    for value in known:
        if not isinstance(value, (str, UUID)):
            kind = type(value).__name__
            raise TypeError(f"covariate {name!r} has type {kind}, must be a number, a boolean, text, a day or a moment")
    return False
