"""Looks planned beforehand: boundaries that spend the error over the looks, for a planned number of units."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from lifthouse.statistics.comparison import Comparison
from lifthouse.statistics.effects import Effect, infer_with_critical_values
from lifthouse.statistics.reasons import Floats, check_choice, check_rate

Spending = Literal["obrien_fleming", "pocock", "quadratic"]

_GRID, _WEIGHTS = np.polynomial.legendre.leggauss(501)
# A look that may spend less than this can't reject; its boundary is that of this much error.
_LEAST_SPENT = 1e-14


def spent_error(fractions: npt.ArrayLike, *, alpha: float = 0.05, spending: Spending = "obrien_fleming") -> Floats:
    """Give the error that may be spent by the time a share of the planned information is in.

    Args:
        fractions: Shares of the planned information, in (0, 1], any shape.
        alpha: Error of all looks together.
        spending: obrien_fleming spends late, pocock evenly over the looks, quadratic `alpha * fraction**2`.

    Returns:
        The spent error, of the same shape.

    References:
        Lan, DeMets (1983), Discrete sequential boundaries for clinical trials. Biometrika 70.

    Example:
        >>> spent_error([0.5, 1.0], spending="quadratic").round(4).tolist()
        [0.0125, 0.05]

    """
    check_rate("alpha", alpha)
    check_choice("spending", spending, ("obrien_fleming", "pocock", "quadratic"))
    share = np.asarray(fractions, float)
    if not ((share > 0) & (share <= 1)).all():
        raise ValueError(f"fractions reach from {np.min(share)} to {np.max(share)}, must be > 0 and <= 1")
    if spending == "quadratic":
        return np.asarray(alpha * share**2)
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1) * share))
    # Half of it on either side, as programs for trials have it.
    return np.asarray(4 * special.ndtr(special.ndtri(alpha / 4) / np.sqrt(share)))


def group_sequential_boundaries(
    fractions: Sequence[float], *, alpha: float = 0.05, spending: Spending = "obrien_fleming"
) -> Floats:
    """Critical values of the looks of a two-sided test, whose error is spent as planned whenever one looks.

    Args:
        fractions: Share of the planned information at each look, ascending, in (0, 1]; as many as there were looks.
        alpha: Error of all looks together.
        spending: How it is spent, as in `spent_error`.

    Returns:
        Standard errors beyond which the effect is significant at each look, shape (looks,).

    Raises:
        ValueError: If fractions do not grow, or are not in (0, 1].

    References:
        Lan, DeMets (1983), as above. Armitage, McPherson, Rowe (1969), Repeated significance tests on accumulating
        data. Journal of the Royal Statistical Society A 132: the recursive integral.

    Example:
        >>> group_sequential_boundaries([0.5, 1.0]).round(3).tolist()
        [2.963, 1.969]

    """
    shares = np.asarray(fractions, float)
    if (np.diff(shares) <= 0).any():
        raise ValueError(f"fractions == {list(fractions)}, must grow from look to look")
    spent = spent_error(shares, alpha=alpha, spending=spending)
    return _boundaries(tuple(shares.tolist()), tuple(spent.tolist()))


@lru_cache(maxsize=512)
def _boundaries(shares: tuple[float, ...], spent: tuple[float, ...]) -> Floats:
    """Look for each boundary in turn; `density` is that of the effect's path where no look has rejected yet.

    It stays at its look while steps from there are too short for the grid. Later looks then count what those in between
    rejected once more, so that all together spend no more than planned.
    """
    boundaries = np.empty(len(shares))
    points, density, spacing = np.zeros(1), np.ones(1), 0.0
    density_share, before_spent = 0.0, 0.0
    for look, (share, total) in enumerate(zip(shares, spent, strict=True)):
        step = np.sqrt(share - density_share)
        wanted = max(total - before_spent, _LEAST_SPENT)

        def excess(
            bound: float, points: Floats = points, density: Floats = density, step: float = step, wanted: float = wanted
        ) -> float:
            crossed = special.ndtr((points - bound) / step) + special.ndtr((-points - bound) / step)
            return float(np.log((crossed * density).sum() + 1e-300) - np.log(wanted))

        bound = optimize.brentq(excess, 0.0, 12.0 * np.sqrt(share), xtol=1e-12)
        boundaries[look] = bound / np.sqrt(share)
        before_spent = total
        if step < spacing:
            continue
        reached = bound * _GRID
        steps = (reached[:, None] - points) / step
        passed = (np.exp(-(steps**2) / 2) / (np.sqrt(2 * np.pi) * step)) @ density
        points, density, spacing = reached, passed * _WEIGHTS * bound, bound * np.diff(_GRID).max()
        density_share = share
    return boundaries


def infer_group_sequential(
    comparison: Comparison,
    information: Floats,
    *,
    confidence: float = 0.95,
    spending: Spending = "obrien_fleming",
) -> Effect:
    """Test a series of looks at one effect, planned to end at a number of units.

    With more information than planned, the looks so far are held against what there is now: each further day is a last
    look, and the error grows. Days on which no unit came share one look. The looks at an arm that came later begin
    where it came: what was in before says nothing of it. From there on it has as many units ahead of it as were
    planned, because what is left of the plan may be little, or nothing.

    Args:
        comparison: One effect at the end of each day, in order, shape (n,).
        information: Share of the planned units that are in by then, ascending, shape (n,). Of all arms together: what
            share of them a pair ends up with need not be known. It should not fall: the error would be larger.
        confidence: Level of the test, all looks together.
        spending: How the error is spent, as in `spent_error`.

    Returns:
        The effects. `p_value` is the fixed one, scaled so that `1 - confidence` is this look's boundary; intervals
        reach as far as the boundary does.

    References:
        Jennison, Turnbull (1999), Group Sequential Methods with Applications to Clinical Trials, chapters 7 and 9.

    Example:
        >>> from lifthouse.statistics.comparison import compare
        >>> from lifthouse.statistics.moments import Moments
        >>> control = Moments.from_sums([250, 500], [[0.0], [0.0]], [[250.0], [500.0]])
        >>> treatment = Moments.from_sums([250, 500], [[50.0], [75.0]], [[260.0], [511.25]])
        >>> infer_group_sequential(compare(control, treatment), np.array([0.5, 1.0])).is_significant.tolist()
        [False, True]

    """
    alpha = 1 - confidence
    is_look = (comparison.count_control > 0) & (comparison.count_treatment > 0)
    start = information[~is_look].max(initial=0.0)
    own = information[is_look] - start
    fractions = own / own.max(initial=1.0)
    looks, look_of = np.unique(fractions, return_inverse=True)
    critical = np.full(len(is_look), np.inf)
    if len(looks):
        critical[is_look] = group_sequential_boundaries(looks.tolist(), alpha=alpha, spending=spending)[look_of]
    nominal = 2 * special.ndtr(-critical)
    with np.errstate(divide="ignore", invalid="ignore"):
        fixed = 2 * special.ndtr(-np.abs(comparison.effect) / np.sqrt(comparison.variance))
        p_value = np.minimum(fixed * alpha / nominal, 1.0)
    return infer_with_critical_values(comparison, critical, np.nan_to_num(p_value, nan=1.0), confidence=confidence)
