"""How many digits of a number mean something."""

from __future__ import annotations

import numpy as np

from lifthouse.statistics.reasons import Floats


def significant(values: Floats, digits: int = 9) -> Floats:
    """Round to so many significant digits: sums whose order is not fixed then count as the same number.

    Example:
        >>> significant(np.array([0.1 + 0.2, 1234567890.0, 0.0, 1e-305, np.nan])).tolist()
        [0.3, 1234567890.0, 0.0, 1e-305, nan]

    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
