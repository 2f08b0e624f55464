"""Why a number is missing: every result carries a code, and numbers are null where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

Alternative = Literal["two-sided", "greater", "less"]


class Reason(IntEnum):
    """Codes of missing results; `reason_names` gives the names the tables show."""

    NONE = 0
    TOO_FEW_UNITS = 1
    ZERO_VARIANCE = 2
    ZERO_DENOMINATOR = 3
    CONTROL_NOT_DISTINCT_FROM_ZERO = 4
    INVALID_MOMENTS = 5
    TOO_FEW_SEGMENTS = 6
    NO_LOCAL_VARIATION = 7
    ALLOCATION_CHANGED = 8


def first_reason(size: int, *checks: tuple[npt.ArrayLike, Reason]) -> Codes:
    """Give each row the code of the first check that fails, or `Reason.NONE`.

    Args:
        size: Number of rows.
        checks: Pairs of a boolean array, true where the check fails, and its code; the earlier pair wins.

    Returns:
        Codes of shape (size,).

    Example:
        >>> first_reason(2, ([True, False], Reason.TOO_FEW_UNITS), ([True, True], Reason.ZERO_VARIANCE)).tolist()
        [1, 2]

    """
    codes = np.zeros(size, dtype=np.int8)
    for fails, reason in reversed(checks):
        codes[np.asarray(fails, dtype=bool)] = reason
    return codes


def reason_names(codes: npt.NDArray[np.integer]) -> Sequence[str | None]:
    """Names of reason codes, None where there is no reason.

    Example:
        >>> list(reason_names(np.array([0, 2])))
        [None, 'zero_variance']

    """
    names = np.array([None, *(reason.name.lower() for reason in Reason if reason)], dtype=object)
    named: Sequence[str | None] = names[codes].tolist()
    return named


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise a ValueError that names the argument, what arrived and what is allowed."""
    if value not in choices:
        raise ValueError(f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}")


def check_rate(name: str, value: float) -> None:
    """Raise a ValueError unless 0 < value < 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} == {value}, must be > 0 and < 1")


def nulled(values: Floats, codes: Codes) -> Floats:
    """Copy with NaN wherever there is a reason."""
    return np.where(codes == Reason.NONE, values, np.nan)
