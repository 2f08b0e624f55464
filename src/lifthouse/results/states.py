"""The state of each arm at the end of any day, rebuilt from the daily increments of `fct_metric_moments`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifthouse.statistics.moments import Moments, packed_pairs
from lifthouse.statistics.reasons import Floats

_KEYS = ["experiment_id", "metric_name", "variant_id", "dimension", "segment", "activity_date"]


@dataclass(frozen=True)
class MetricStates:
    """One experiment's metric: moments of every variant in every segment at the end of every day.

    Attributes:
        experiment_id: The experiment.
        metric_name: The metric.
        value_names: What the vector of a unit holds, k names.
        segments: Pairs of dimension and segment, sorted.
        days: Days of the series, ascending, shape (n_days,).
        arms: Moments of each variant, one row for each segment and day: row `segment * n_days + day`.

    """

    experiment_id: str
    metric_name: str
    value_names: list[str]
    segments: list[tuple[str, str]]
    days: npt.NDArray[np.datetime64]
    arms: dict[str, Moments]

    def rows_of(self, dimension: str, segment: str) -> slice:
        """Rows of one segment's series in each arm's moments."""
        at = self.segments.index((dimension, segment)) * len(self.days)
        return slice(at, at + len(self.days))

    @property
    def denominator(self) -> int | None:
        """Position of a ratio's denominator in the vector, None for other metrics."""
        return self.value_names.index("denominator") if "denominator" in self.value_names else None

    @property
    def covariates(self) -> list[int]:
        """Positions of what was known before exposure."""
        return [at for at, name in enumerate(self.value_names) if name not in ("numerator", "denominator")]

    @property
    def latest(self) -> npt.NDArray[np.intp]:
        """Rows of the last day, one a segment."""
        return np.arange(1, len(self.segments) + 1) * len(self.days) - 1


def metric_states(moments: pd.DataFrame) -> Iterator[MetricStates]:
    """Rebuild the states of every experiment and metric.

    Args:
        moments: Rows of `fct_metric_moments`, any number of experiments and metrics. A segment without a row on a day
            is as it was the day before.

    Yields:
        The states, in the order of experiment and metric.

    Raises:
        ValueError: If the rows lack a column.

    Example:
        >>> frame = pd.DataFrame({
        ...     "experiment_id": "x", "metric_name": "m", "variant_id": "a", "dimension": "all", "segment": "all",
        ...     "activity_date": pd.to_datetime(["2026-03-01", "2026-03-02"]), "count_units": [2, 1],
        ...     "value_names": [["numerator"]] * 2, "pivots": [[1.0]] * 2, "sums": [[0.0], [3.0]],
        ...     "products": [[2.0], [9.0]],
        ... })
        >>> next(metric_states(frame)).arms["a"].mean.tolist()
        [[1.0], [2.0]]

    """
    missing = [
        name for name in [*_KEYS, "count_units", "value_names", "pivots", "sums", "products"] if name not in moments
    ]
    if missing:
        raise ValueError(f"moments lack the columns {', '.join(missing)}")
    if moments.empty:
        return
    # Texts become numbers once for all: grouping texts metric by metric would take most of the time.
    groups = moments.groupby(["experiment_id", "metric_name"], sort=True)
    by_segment = moments.groupby(["dimension", "segment"], sort=True)
    segments = [(str(dimension), str(segment)) for dimension, segment in by_segment.size().index]
    variant_code, variants = pd.factorize(moments["variant_id"], sort=True)
    coded = _Coded(
        segments,
        by_segment.ngroup().to_numpy(),
        [str(variant) for variant in variants],
        variant_code,
        moments["activity_date"].to_numpy("datetime64[D]"),
        moments["count_units"].to_numpy(float),
        *(moments[name].to_numpy(object) for name in ("value_names", "pivots", "sums", "products")),
    )
    group_at = groups.ngroup().to_numpy()
    in_order = np.argsort(group_at, kind="stable")
    keys = groups.size().index
    ends = np.searchsorted(group_at[in_order], np.arange(len(keys)), side="right")
    for (experiment_id, metric_name), rows in zip(keys, np.split(in_order, ends[:-1]), strict=True):
        yield _states(str(experiment_id), str(metric_name), coded, rows)


@dataclass(frozen=True)
class _Coded:
    """Columns of the moments as arrays, one element a row; segments and variants as places in their sorted names."""

    segments: list[tuple[str, str]]
    segment_at: npt.NDArray[np.integer]
    variants: list[str]
    variant_at: npt.NDArray[np.integer]
    dates: npt.NDArray[np.datetime64]
    counts: Floats
    value_names: npt.NDArray[np.object_]
    pivots: npt.NDArray[np.object_]
    sums: npt.NDArray[np.object_]
    products: npt.NDArray[np.object_]


def _states(experiment_id: str, metric_name: str, coded: _Coded, rows: npt.NDArray[np.intp]) -> MetricStates:
    names = [str(name) for name in coded.value_names[rows[0]]]
    pairs = packed_pairs(len(names))
    segments, segment_at = np.unique(coded.segment_at[rows], return_inverse=True)
    variants, variant_at = np.unique(coded.variant_at[rows], return_inverse=True)
    dates = coded.dates[rows]
    days = np.arange(dates.min(), dates.max() + 1)
    width = 1 + len(names) + len(pairs)
    grid = np.zeros((len(variants), len(segments), len(days), width))
    sums, products = (np.concatenate(lists[rows]).reshape(len(rows), -1) for lists in (coded.sums, coded.products))
    values = np.concatenate([coded.counts[rows, None], sums, products], axis=1)
    np.add.at(grid, (variant_at, segment_at, (dates - days[0]).astype(np.intp)), values)
    running = grid.cumsum(axis=2).reshape(len(variants), -1, width)
    pivot = np.asarray(coded.pivots[rows[0]], float)
    arms = {
        coded.variants[variant]: Moments.from_sums(
            state[:, 0], state[:, 1 : 1 + len(names)], state[:, 1 + len(names) :], pivot=pivot
        )
        for variant, state in zip(variants, running, strict=True)
    }
    return MetricStates(experiment_id, metric_name, names, [coded.segments[at] for at in segments], days, arms)
