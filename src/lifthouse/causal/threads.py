"""How many threads linear algebra gets."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

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
