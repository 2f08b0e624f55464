"""Experiments in batches, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_ROWS_AT_ONCE = 100_000


def experiment_batches(sizes: Mapping[str, int], *, rows_at_once: int = _ROWS_AT_ONCE) -> Iterator[list[str]]:
    """Split experiments into batches of about equal size, in the order of their names.

    Args:
        sizes: Rows of each experiment.
        rows_at_once: A batch is closed before it would hold more; an experiment larger than that is a batch of its own.

    Yields:
        Names of experiments; one empty batch where there is none, so that an empty table has its columns too.

    Example:
        >>> list(experiment_batches({"b": 2, "a": 1, "c": 9}, rows_at_once=4))
        [['a', 'b'], ['c']]

    """
    batch: list[str] = []
    rows = 0
    for experiment in sorted(sizes):
        if batch and rows + sizes[experiment] > rows_at_once:
            yield batch
            batch, rows = [], 0
        batch.append(experiment)
        rows += sizes[experiment]
    yield batch
