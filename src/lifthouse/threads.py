"""How many threads models and linear algebra get, several of which dbt runs side by side in one process."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Of one fit or prediction. LightGBM keeps the number of its latest call for the whole process: a fit that goes on
# with more threads than it began with writes outside its memory. So all calls give this number, also those that
# predict. One, because threads that wait for each other on a busy machine take many times as long.
MODEL_THREADS = 1

_MANY_UNITS = 100_000


def linear_algebra_threads(n_units: int) -> AbstractContextManager[Any]:
    """Keep linear algebra to one thread inside the context, on few units.

    Example:
        >>> with linear_algebra_threads(5000):
        ...     pass

    """
    if n_units >= _MANY_UNITS:
        return nullcontext()
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits
