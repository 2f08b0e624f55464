"""How strong a confounder that nobody recorded must be to explain an effect away."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy import special

from lifthouse.causal.matching import CALIPER, logit_scores
from lifthouse.statistics.reasons import Bools, Floats

LARGEST_GAMMA = 20.0


@dataclass(frozen=True)
class Robustness:
    """Cinelli and Hazlett's sensitivity of a linear regression.

    Attributes:
        robustness_value: Share of what is left of both treatment and outcome that a confounder must explain to bring
            the effect to zero.
        robustness_value_significance: The same to bring the interval to zero; zero where it holds zero already.
        strongest: Column of the covariate that, had it been hidden, would have biased most; -1 where none varies.
        bounded_estimate: Estimate less the bias that a confounder just as strong would bring.

    """

    robustness_value: float
    robustness_value_significance: float
    strongest: int
    bounded_estimate: float


def e_value(risk_ratio: float) -> float:
    """Smallest association, as a risk ratio, of a confounder with both treatment and outcome to explain an effect away.

    References:
        VanderWeele, Ding (2017), Sensitivity analysis in observational research. Annals of Internal Medicine 167.

    Example:
        >>> round(e_value(3.9), 2)
        7.26

    """
    ratio = max(risk_ratio, 1 / risk_ratio)
    return float(ratio + np.sqrt(ratio * (ratio - 1)))


def approximate_risk_ratio(effect: float, control_mean: float, deviation: float, *, is_proportion: bool) -> float:
    """Risk ratio of an effect: of proportions exactly, otherwise by the standardised effect.

    Args:
        effect: Absolute effect.
        control_mean: Mean without treatment of those whose effect it is.
        deviation: Standard deviation of the outcome within arms.
        is_proportion: Whether the outcome is 0 or 1.

    Returns:
        The ratio; NaN where there is none.

    References:
        Chinn (2000), A simple method for converting an odds ratio to effect size. Statistics in Medicine 19.

    Example:
        >>> round(approximate_risk_ratio(0.5, 0.0, 1.0, is_proportion=False), 3)
        1.576

    """
    if is_proportion:
        ratio = 1 + effect / control_mean if control_mean > 0 else np.nan
    else:
        # Effects of hundreds of standard deviations are beyond what an exponential can say.
        with np.errstate(over="ignore", under="ignore"):
            ratio = float(np.exp(0.91 * effect / deviation)) if deviation > 0 else np.nan
    return float(ratio) if 0 < ratio < np.inf else np.nan


def robustness(design: Floats, treated: Bools, outcome: Floats, *, confidence: float = 0.95) -> Robustness:
    """Sensitivity of the treatment's coefficient in a regression on treatment and covariates.

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        confidence: Level at which significance is lost.

    Returns:
        The robustness.

    References:
        Cinelli, Hazlett (2020), Making sense of sensitivity: extending omitted variable bias. JRSS B 82.

    Example:
        >>> random = np.random.default_rng(0)
        >>> age = random.normal(size=(500, 1))
        >>> treated = random.random(500) < 1 / (1 + np.exp(-age[:, 0]))
        >>> result = robustness(age, treated, age[:, 0] + 2 * treated + random.normal(size=500))
        >>> result.robustness_value > 0.5
        True

    """
    # What is the same for all of these units can explain nothing, and has no error.
    varies = np.flatnonzero(np.ptp(design, axis=0) > 0)
    design = design[:, varies]
    columns = np.column_stack([np.ones(len(design)), treated, design])
    inverse = np.linalg.pinv(columns.T @ columns)
    coefficients = inverse @ (columns.T @ outcome)
    degrees = len(outcome) - columns.shape[1]
    residual = outcome - columns @ coefficients
    errors = np.sqrt(np.diag(inverse) * float(residual @ residual) / degrees)
    statistic = abs(coefficients[1] / errors[1])
    shares_outcome = _partial_r2(coefficients[2:] / errors[2:], degrees)
    shares_treatment = _treatment_shares(design, treated)
    # What a hidden confounder would explain that is as strong as a covariate, given all of them.
    with np.errstate(divide="ignore", invalid="ignore"):
        of_treatment = np.minimum(shares_treatment / (1 - shares_treatment), 1.0)
        related = np.minimum(of_treatment**2, 1.0)
        of_outcome = (1 + np.sqrt(related)) ** 2 / (1 - related) * shares_outcome / (1 - shares_outcome)
        bias = np.sqrt(np.minimum(of_outcome, 1.0) * of_treatment / (1 - of_treatment)) * errors[1] * np.sqrt(degrees)
    strongest = int(varies[np.argmax(bias)]) if bias.size else -1
    towards_zero = np.sign(coefficients[1]) * (float(bias.max()) if bias.size else 0.0)
    critical = abs(float(special.stdtrit(degrees - 1, (1 - confidence) / 2))) / np.sqrt(degrees - 1)
    partial = statistic / np.sqrt(degrees)
    return Robustness(
        _robustness_value(partial),
        _robustness_value(max(partial - critical, 0.0)),
        strongest,
        float(coefficients[1] - towards_zero),
    )


def _robustness_value(partial_f: float) -> float:
    squared = partial_f**2
    return float((np.sqrt(squared**2 + 4 * squared) - squared) / 2)


def _partial_r2(statistics: Floats, degrees: int) -> Floats:
    return np.asarray(statistics**2 / (statistics**2 + degrees))


def _treatment_shares(design: Floats, treated: Bools) -> Floats:
    columns = np.column_stack([np.ones(len(design)), design])
    inverse = np.linalg.pinv(columns.T @ columns)
    coefficients = inverse @ (columns.T @ treated.astype(float))
    residual = treated - columns @ coefficients
    degrees = len(design) - columns.shape[1]
    errors = np.sqrt(np.diag(inverse) * float(residual @ residual) / degrees)
    return _partial_r2((coefficients / errors)[1:], degrees)


def rosenbaum_gamma(differences: Floats, *, sign: float = 1.0, alpha: float = 0.05) -> float:
    """Odds of treatment by which hidden bias must set matched units apart to make an effect insignificant.

    Args:
        differences: Treated less matched untreated outcome of each pair, shape (n_pairs,).
        sign: Of the effect: above zero, or below.
        alpha: Level of the two-sided test.

    Returns:
        The largest gamma at which Wilcoxon's signed-rank test still rejects on the effect's side, up to
        `LARGEST_GAMMA`; 1 where it does not even without hidden bias, NaN without pairs that differ.

    References:
        Rosenbaum (2002), Observational studies, chapter 4. Springer.

    Example:
        >>> rosenbaum_gamma(np.arange(-2.0, 30.0)) > 3
        True

    """
    differs = differences != 0
    if np.count_nonzero(differs) < 2:
        return np.nan
    from scipy.stats import rankdata  # noqa: PLC0415

    # Pairs that don't differ have the lowest ranks, and nothing hangs on them.
    ranks = np.where(differs, rankdata(np.abs(differences)), 0.0)
    on_side = float(ranks[sign * differences > 0].sum())
    total, squares = float(ranks.sum()), float((ranks**2).sum())

    def p_value(gamma: float) -> float:
        chance = gamma / (1 + gamma)
        return float(special.ndtr(-(on_side - chance * total) / np.sqrt(chance * (1 - chance) * squares)))

    if p_value(1.0) >= alpha / 2:
        return 1.0
    low, high = 1.0, LARGEST_GAMMA
    if p_value(high) < alpha / 2:
        return high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle) < alpha / 2 else (low, middle)
    return low


def matched_differences(design: Floats, treated: Bools, outcome: Floats, *, most_pairs: int, seed: int) -> Floats:
    """Outcomes of treated units less those of the untreated of nearest score, each used once, shape (n_pairs,).

    Args:
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated, shape (n_units,).
        outcome: Values, shape (n_units,).
        most_pairs: At most so many treated units, drawn at random.
        seed: Of the drawing, and of the order in which they are matched.

    Returns:
        The differences of pairs within the caliper.

    Example:
        >>> age = np.array([[0.0], [1.0], [0.0], [1.0]])
        >>> treated = np.array([True, True, False, False])
        >>> sorted(matched_differences(age, treated, np.array([3.0, 5.0, 1.0, 2.0]), most_pairs=9, seed=0).tolist())
        [2.0, 3.0]

    """
    logits = logit_scores(design, treated)
    widest = CALIPER * float(logits.std())
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(treated))[:most_pairs]
    donors = np.flatnonzero(~treated)
    donors = donors[np.argsort(logits[donors], kind="stable")]
    free, outcomes = logits[donors].tolist(), outcome[donors].tolist()
    differences = []
    # In random order each treated unit takes the nearest donor left: a sweep from one end would lean to one side.
    for unit in chosen:
        after = bisect_left(free, logits[unit])
        near = range(max(after - 1, 0), min(after + 1, len(free)))
        at = min(near, key=lambda place: abs(free[place] - logits[unit]), default=None)
        if at is not None and abs(free[at] - logits[unit]) <= widest:
            differences.append(outcome[unit] - outcomes.pop(at))
            free.pop(at)
    return np.array(differences)
