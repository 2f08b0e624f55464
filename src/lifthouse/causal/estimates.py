"""What every estimator returns: a number with its standard error, or a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from lifthouse.statistics.reasons import Floats

# Outcomes have nine digits: an error below this share of an estimate is of sums, not of units.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CausalEstimate:
    """One estimate of one effect.

    Attributes:
        estimate: Absolute effect in the metric's unit; NaN where there is a reason.
        standard_error: Of the estimate.
        effective_sample_size: Equally weighted units that would be as precise, of the arm that has fewer.
        reason: Why there is no estimate; None where there is one.
        degrees_of_freedom: Of the interval; infinite is the normal's.

    """

    estimate: float
    standard_error: float
    effective_sample_size: float
    reason: str | None = None
    degrees_of_freedom: float = np.inf

    def interval(self, confidence: float) -> tuple[float, float]:
        """Confidence interval.

        Example:
            >>> [round(bound, 3) for bound in CausalEstimate(1.0, 0.5, 100.0).interval(0.95)]
            [0.02, 1.98]

        """
        tail = (1 + confidence) / 2
        finite = np.isfinite(self.degrees_of_freedom)
        quantile = special.stdtrit(self.degrees_of_freedom, tail) if finite else special.ndtri(tail)
        reach = float(quantile) * self.standard_error
        return self.estimate - reach, self.estimate + reach

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect."""
        distance = -abs(self.estimate / self.standard_error)
        finite = np.isfinite(self.degrees_of_freedom)
        return 2 * float(special.stdtr(self.degrees_of_freedom, distance) if finite else special.ndtr(distance))


def missing(reason: str) -> CausalEstimate:
    """No estimate, and why.

    Example:
        >>> missing("one_arm").reason
        'one_arm'

    """
    return CausalEstimate(np.nan, np.nan, np.nan, reason)


def from_influence(estimate: float, influence: Floats, effective_sample_size: float) -> CausalEstimate:
    """Estimate with the standard error of its influence values (n_units,), which average zero.

    Example:
        >>> round(from_influence(1.0, np.array([-1.0, 1.0, -1.0, 1.0]), 4.0).standard_error, 4)
        0.5774

    """
    error = float(np.sqrt(influence.var(ddof=1) / len(influence)))
    return checked(CausalEstimate(estimate, error, effective_sample_size))


def checked(estimate: CausalEstimate) -> CausalEstimate:
    """Replace an estimate whose number or error is not finite, or whose error is zero but for rounding, by the reason.

    Example:
        >>> checked(CausalEstimate(1.0, 1e-16, 100.0)).reason
        'zero_variance'

    """
    if not (np.isfinite(estimate.estimate) and np.isfinite(estimate.standard_error)):
        return missing("not_finite")
    return missing("zero_variance") if estimate.standard_error <= _ROUNDING * abs(estimate.estimate) else estimate
