"""How many threads models and linear algebra get, several of which dbt runs side by side in one process."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from threading import Lock

# Of one fit or prediction. LightGBM keeps the number of its latest call for the whole process: a fit that goes on
# with more threads than it began with writes outside its memory. So all calls give this number, also those that
# predict. One, because threads that wait for each other on a busy machine take many times as long.
MODEL_THREADS = 1

_MANY_UNITS = 100_000


class _OneThread:
    """Linear algebra of the whole process has one thread while anybody is inside; the last to leave lifts the limit."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count_inside = 0
        self._limit = ExitStack()

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits  # noqa: PLC0415

        with self._lock:
            if self._count_inside == 0:
                self._limit.enter_context(threadpool_limits(limits=1))
            self._count_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count_inside -= 1
            if self._count_inside == 0:
                self._limit.close()


_ONE_THREAD = _OneThread()


def linear_algebra_threads(n_units: int) -> AbstractContextManager[None]:
    """Keep linear algebra to one thread inside the context, on few units.

    Example:
        >>> with linear_algebra_threads(5000):
        ...     pass

    """
    return nullcontext() if n_units >= _MANY_UNITS else _ONE_THREAD
