"""Whether units arrived in the shares that were meant: chi-square, by phase, day by day, and where it broke."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.multiplicity import adjusted_p_values
from lifthouse.statistics.proportions import chi_square
from lifthouse.statistics.reasons import Bools, Codes, Floats, Reason, first_reason, nulled

# Eigenvalues of the counts' correlation are about one, or zero where the total leaves no freedom.
_NO_FREEDOM = 1e-9


@dataclass(frozen=True)
class SampleRatio:
    """Checks of shares; every array has shape (n,).

    Attributes:
        count: Units.
        statistic: Chi-square; inf where a unit sits in a variant without a share.
        degrees_of_freedom: Variants with a share, less one in each set of variants that ran together.
        p_value: Of the shares being as meant.
        reason: Codes of `Reason`.

    """

    count: Floats
    statistic: Floats
    degrees_of_freedom: Floats
    p_value: Floats
    reason: Codes


def sample_ratio(counts: npt.ArrayLike, shares: npt.ArrayLike, *, correction: bool = False) -> SampleRatio:
    """Chi-square goodness of fit of n checks, over all phases of each together if there are several.

    Over phases, the gaps of observed and expected counts are added up by variant before they are judged, so a ramp
    that is right in each phase raises no alarm, and a small lasting lack adds up.

    Args:
        counts: Units by variant, shape (n, variants) or (n, phases, variants); 0 pads.
        shares: Meant shares, of the same shape, any scale; 0 where a variant did not run.
        correction: Continuity correction, for two variants and one phase.

    Returns:
        The checks. Null with a reason below five expected units in a variant.

    References:
        Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled experiments. KDD.

    Example:
        >>> sample_ratio([[45489, 44700]], [[0.5, 0.5]]).p_value.round(6).tolist()
        [0.008608]

    """
    counts, shares = np.asarray(counts, float), np.asarray(shares, float)
    if counts.shape != shares.shape or counts.ndim not in (2, 3):
        raise ValueError(
            f"shapes of counts, shares == {counts.shape}, {shares.shape}, must be equal and (n, variants) or "
            "(n, phases, variants)"
        )
    stray = ((shares == 0) & (counts > 0)).any(axis=tuple(range(1, counts.ndim)))
    if counts.ndim == 2:
        counts, shares = counts[:, None, :], shares[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled_shares: Floats = np.nan_to_num(shares / shares.sum(axis=2, keepdims=True))
    units: Floats = counts.sum(axis=2)
    expected = np.einsum("np,npv->nv", units, scaled_shares)
    spread = np.einsum("np,npv,npw->nvw", units, scaled_shares, scaled_shares)
    covariance = expected[:, :, None] * np.eye(counts.shape[2]) - spread
    gap = counts.sum(axis=1) - expected
    if correction and counts.shape[1:] == (1, 2):
        gap = np.sign(gap) * np.maximum(np.abs(gap) - 0.5, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(expected > 0, 1 / np.sqrt(expected), 0.0)
    scaled = covariance * scale[:, :, None] * scale[:, None, :]
    eigenvalues, eigenvectors = np.linalg.eigh(scaled)
    free = eigenvalues > _NO_FREEDOM
    along = np.einsum("nvw,nv->nw", eigenvectors, gap * scale)
    statistic = np.where(free, along**2 / np.where(free, eigenvalues, 1.0), 0.0).sum(axis=1)
    statistic[stray] = np.inf
    degrees = free.sum(axis=1).astype(np.float64)
    smallest = np.where(expected > 0, expected, np.inf).min(axis=1)
    reason = first_reason(
        len(counts),
        (~(smallest >= 5) & ~stray, Reason.TOO_FEW_UNITS),
        ((degrees < 1) & ~stray, Reason.TOO_FEW_UNITS),
    )
    p_value = nulled(special.chdtrc(np.maximum(degrees, 1), statistic), reason)
    return SampleRatio(units.sum(axis=1), nulled(statistic, reason), degrees, p_value, reason)


def sample_ratio_over_phases(counts: npt.ArrayLike, shares: npt.ArrayLike) -> SampleRatio:
    """Check one experiment both ways: gaps of its phases added up, and each phase by itself.

    Gaps that are opposed, such as units that a crash keeps from one phase and that come in the next, cancel when they
    are added up, while effects are compared within phases.

    Args:
        counts: Units by phase and variant, shape (phases, variants).
        shares: Meant shares, of the same shape.

    Returns:
        The check with the smaller p-value, times two where there are several phases, of shape (1,).

    Example:
        >>> opposed = sample_ratio_over_phases([[5000, 4500], [5000, 5500]], [[1, 1], [1, 1]])
        >>> bool(opposed.p_value[0] < 1e-10)
        True

    """
    counts, shares = np.asarray(counts, float), np.asarray(shares, float)
    together, apart = sample_ratio(counts[None], shares[None]), sample_ratio(counts, shares)
    known = apart.reason == Reason.NONE
    if len(counts) < 2 or not known.any():
        return together
    statistic, degrees = apart.statistic[known].sum(keepdims=True), apart.degrees_of_freedom[known].sum(keepdims=True)
    p_value = special.chdtrc(np.maximum(degrees, 1), statistic)
    if together.reason[0] == Reason.NONE and together.p_value[0] <= p_value[0]:
        return replace(together, p_value=np.minimum(2 * together.p_value, 1.0))
    return SampleRatio(
        together.count, statistic, degrees, np.minimum(2 * p_value, 1.0), np.full(1, Reason.NONE, np.int8)
    )


def log_e_value(counts: npt.ArrayLike, shares: npt.ArrayLike) -> Floats:
    """Log evidence against the meant shares: the Bayes factor of a uniform prior over shares.

    Args:
        counts: Cumulative units by variant, shape (..., variants); 0 pads variants whose share is 0.
        shares: Meant shares, broadcast against counts; 0 where a variant does not run.

    Returns:
        Logs of e-values, shape (...). Over phases with shares of their own, add the logs: each phase's counts start at
        zero. inf where a unit sits in a variant without a share.

    References:
        Lindon, Malek (2022), Anytime-valid inference for multinomial count data. NeurIPS. arXiv:2011.03567.

    Example:
        >>> np.exp(log_e_value([[10, 0]], [[0.5, 0.5]])).round(4).tolist()
        [93.0909]

    """
    counts, shares = np.broadcast_arrays(np.asarray(counts, float), np.asarray(shares, float))
    variants = (shares > 0).sum(axis=-1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        null = special.xlogy(counts, shares / shares.sum(axis=-1, keepdims=True)).sum(axis=-1)
    evidence = special.gammaln(variants) - special.gammaln(variants + counts.sum(axis=-1))
    return np.asarray(evidence + special.gammaln(1 + counts).sum(axis=-1) - null)


def anytime_p_values(log_e_values: npt.ArrayLike) -> Floats:
    """P-values that hold however often one looks: 1 over the largest e-value so far.

    Args:
        log_e_values: In time order along the last axis, shape (..., days).

    Returns:
        Shape (..., days), never rising.

    Example:
        >>> anytime_p_values(np.log([[2.0, 0.5, 8.0]])).round(4).tolist()
        [[0.5, 0.5, 0.125]]

    """
    running = np.maximum.accumulate(np.asarray(log_e_values, float), axis=-1)
    return np.asarray(np.exp(-np.maximum(running, 0.0)))


@dataclass(frozen=True)
class SampleRatioSearch:
    """Where a mismatch sits; one row a segment, every array of shape (n,).

    Attributes:
        checks: Chi-square of each segment against the meant shares.
        p_value_adjusted: Holm over all segments of the experiment.
        dimension_p_value: Of the variants' shares being the same in all segments of the row's dimension.
        is_culprit: The one segment of the experiment that explains its mismatch best, if any does.

    """

    checks: SampleRatio
    p_value_adjusted: Floats
    dimension_p_value: Floats
    is_culprit: Bools


def search_sample_ratio(
    counts: npt.ArrayLike,
    shares: npt.ArrayLike,
    experiments: npt.NDArray[np.integer],
    dimensions: npt.NDArray[np.integer],
    *,
    alpha: float = 0.001,
) -> SampleRatioSearch:
    """Check every segment and name the culprit.

    A culprit is named only where assignment depends on a dimension (chi-square of independence of the segments that are
    large enough, added up over phases; Holm over the experiment's dimensions) and a segment of it fails (Holm over the
    experiment's segments): it is that dimension's segment with the largest chi-square. A loss spread evenly over all
    segments has no culprit.

    Args:
        counts: Units by variant in each segment, shape (n, variants) or (n, phases, variants), as in `sample_ratio`.
        shares: Meant shares, the same shape.
        experiments: Experiment of each row, shape (n,).
        dimensions: Dimension of each row, shape (n,); ids may repeat across experiments.
        alpha: Level.

    Returns:
        The search.

    References:
        Fabijan et al. (2019), as above. Holm (1979), Scandinavian Journal of Statistics 6.

    Example:
        >>> counts = [[500, 300], [500, 510], [510, 390], [490, 420]]
        >>> search = search_sample_ratio(counts, [[1, 1]] * 4, np.zeros(4, int), np.array([0, 0, 1, 1]))
        >>> search.is_culprit.tolist()
        [True, False, False, False]

    """
    counts = np.asarray(counts, float)
    checks = sample_ratio(counts, shares)
    adjusted = adjusted_p_values(checks.p_value, experiments, method="holm")
    keys, at = np.unique(np.stack([experiments, dimensions], axis=1), axis=0, return_inverse=True)
    at = at.reshape(-1)
    place = np.zeros(len(at), dtype=np.intp)
    order = np.argsort(at, kind="stable")
    sizes = np.bincount(at)
    place[order] = np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # A chi-square of segments with hardly a unit in a small arm would not be one.
    large = np.where((checks.reason == Reason.NONE).reshape(-1, *[1] * (counts.ndim - 1)), counts, 0.0)
    by_phase = large[:, None] if counts.ndim == 2 else large
    tables = np.zeros((by_phase.shape[1], len(keys), int(sizes.max(initial=1)), counts.shape[-1]))
    tables[:, at, place] = by_phase.swapaxes(0, 1)
    # Within phases: a segment whose units came when shares were others does not make assignment depend on it.
    statistic, degrees = np.nansum([chi_square(table)[:2] for table in tables], axis=0)
    independent = np.where(degrees > 0, special.chdtrc(np.maximum(degrees, 1), statistic), np.nan)
    of_dimension = adjusted_p_values(independent, keys[:, 0], method="holm")
    candidate = (adjusted < alpha) & (of_dimension[at] < alpha)
    rank = np.lexsort(
        (np.nan_to_num(-checks.statistic), np.nan_to_num(of_dimension[at], nan=2.0), ~candidate, experiments)
    )
    _, first = np.unique(np.asarray(experiments)[rank], return_index=True)
    culprit = np.zeros(len(at), dtype=bool)
    culprit[rank[first]] = candidate[rank[first]]
    return SampleRatioSearch(checks, adjusted, of_dimension[at], culprit)
