"""P-values adjusted for many comparisons within declared families."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Floats, check_choice

Method = Literal["holm", "hochberg", "benjamini-hochberg", "benjamini-yekutieli"]


def adjusted_p_values(p_values: npt.ArrayLike, families: npt.ArrayLike, *, method: Method) -> Floats:
    """Adjust p-values within families.

    Args:
        p_values: Shape (n,). NaN passes through and does not count towards its family's size.
        families: Family of each, any integers, shape (n,).
        method: Against any false positive, "holm" whatever the dependence, "hochberg" (never larger) under positive
            dependence; for the expected share of false discoveries, "benjamini-hochberg" under positive dependence,
            "benjamini-yekutieli" whatever the dependence.

    Returns:
        Adjusted p-values, shape (n,): significant at level a where at most a.

    Raises:
        ValueError: If the method is unknown or a p-value is outside [0, 1].

    References:
        Holm (1979), Scandinavian Journal of Statistics 6. Hochberg (1988), Biometrika 75.
        Benjamini, Hochberg (1995), Journal of the Royal Statistical Society B 57.
        Benjamini, Yekutieli (2001), Annals of Statistics 29.

    Example:
        >>> adjusted_p_values([0.01, 0.04, np.nan, 0.03], [7, 7, 7, 8], method="holm").tolist()
        [0.02, 0.04, nan, 0.03]

    """
    check_choice("method", method, ("holm", "hochberg", "benjamini-hochberg", "benjamini-yekutieli"))
    p_values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(p_values))
    adjusted = np.full_like(p_values, np.nan)
    if len(known) == 0:
        return adjusted
    if p_values[known].min() < 0 or p_values[known].max() > 1:
        raise ValueError(f"p_values range over [{p_values[known].min()}, {p_values[known].max()}], must be in [0, 1]")
    _, family = np.unique(np.asarray(families)[known], return_inverse=True)
    order = np.lexsort((p_values[known], family))
    p_sorted, family_sorted = p_values[known][order], family[order]
    sizes = np.bincount(family_sorted)
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(order)) - starts[family_sorted] + 1.0
    size = sizes[family_sorted].astype(float)
    if method in ("holm", "hochberg"):
        scaled = p_sorted * (size - rank + 1)
    else:
        scaled = p_sorted * size / rank
        if method == "benjamini-yekutieli":
            scaled *= np.cumsum(1 / np.arange(1, sizes.max() + 1))[sizes[family_sorted] - 1]
    if method == "holm":
        scaled = _running_maximum(scaled, family_sorted, int(sizes.max()))
    else:
        scaled = -_running_maximum(-scaled[::-1], family_sorted[::-1], int(sizes.max()))[::-1]
    adjusted[known[order]] = np.minimum(scaled, 1.0)
    return adjusted


def _running_maximum(values: Floats, groups: npt.NDArray[np.integer], longest: int) -> Floats:
    """Maximum so far within each run of equal groups, by doubling the reach."""
    values = values.copy()
    reach = 1
    while reach < longest:
        same = groups[reach:] == groups[:-reach]
        values[reach:] = np.where(same, np.maximum(values[reach:], values[:-reach]), values[reach:])
        reach *= 2
    return values
