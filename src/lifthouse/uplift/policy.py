"""What a rule of whom to treat is worth: doubly robust values on held-out scores, with intervals.

The value of a rule is the mean, over all units, of what it adds to treating nobody. For each unit and arm there is an
unbiased score of the outcome under the arm (AIPW); a rule's value is the mean of the scores of the arms it chooses.
A rule is made of scores that have not seen the unit, so that its value is that of the rule and not of its luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.curves import top_weights

TIERS = ("very low", "low", "medium", "high", "very high")
BUDGET_SPLIT: Mapping[str, float] = {"very high": 0.5, "high": 0.3, "medium": 0.15, "low": 0.05, "very low": 0.0}


@dataclass(frozen=True)
class Value:
    """A mean over units with its interval.

    Attributes:
        value: The estimate.
        standard_error: Of the estimate.
        ci_lower: Lower bound.
        ci_upper: Upper bound.

    """

    value: float
    standard_error: float
    ci_lower: float
    ci_upper: float


def arm_scores(outcome: npt.ArrayLike, arm: npt.ArrayLike, expected: npt.ArrayLike, shares: npt.ArrayLike) -> Floats:
    """Doubly robust score of each unit's outcome under each arm.

    Args:
        outcome: The metric, shape (n,).
        arm: The arm a unit was in, 0 for control, shape (n,).
        expected: Outcome expected in each arm, by models that have not seen the unit, shape (n, arms).
        shares: Chance of each arm, shape (arms,), or of each arm for each unit, shape (n, arms).

    Returns:
        Scores, shape (n, arms): their mean over units is the mean outcome had all been in the arm.

    Raises:
        ValueError: If shapes differ or a chance is not above 0.

    References:
        Robins, Rotnitzky, Zhao (1994), Estimation of regression coefficients when some regressors are not always
        observed. JASA 89. Athey, Wager (2021), Policy learning with observational data. Econometrica 89.

    Example:
        >>> arm_scores([1.0, 3.0], [0, 1], [[1.0, 2.0], [0.0, 2.0]], [0.5, 0.5]).tolist()
        [[1.0, 2.0], [0.0, 4.0]]

    """
    y, arms, mu = np.asarray(outcome, float), np.asarray(arm, np.int64), np.asarray(expected, float)
    chance = np.broadcast_to(np.asarray(shares, float), mu.shape)
    if mu.ndim != 2 or not len(y) == len(arms) == len(mu):
        raise ValueError(f"shapes of outcome, arm, expected == {y.shape}, {arms.shape}, {mu.shape}, must agree")
    if not (chance > 0).all():
        raise ValueError(f"smallest share == {chance.min()}, must be > 0")
    scores = mu.copy()
    rows = np.arange(len(y))
    scores[rows, arms] += (y - mu[rows, arms]) / chance[rows, arms]
    return scores


def policy_value(scores: npt.ArrayLike, chances: npt.ArrayLike, *, confidence: float = 0.95) -> Value:
    """Value of a rule per unit over treating nobody.

    Args:
        scores: From `arm_scores`, shape (n, arms), control first.
        chances: Chance with which the rule gives each treatment arm to each unit, shape (n, arms - 1).
        confidence: Level of the interval.

    Returns:
        The value. For the difference of two rules, give the difference of their chances.

    Example:
        >>> policy_value([[0.0, 1.0], [0.0, 3.0], [1.0, 0.0]], [[1], [1], [0]]).value
        1.3333333333333333

    """
    gamma, pi = np.asarray(scores, float), np.asarray(chances, float)
    gains = (pi * (gamma[:, 1:] - gamma[:, :1])).sum(axis=1)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    reach = -special.ndtri((1 - confidence) / 2) * error
    value = float(gains.mean())
    return Value(value, error, value - reach, value + reach)


def top_share(ranks: npt.ArrayLike, share: float, *, eligible: Bools | None = None) -> Floats:
    """Chance of treatment when the top share of units is treated, equal ranks alike, shape (n,).

    Args:
        ranks: Higher is treated earlier, shape (n,).
        share: Share of all units that can be treated, in [0, 1].
        eligible: Units that may be treated at all; None for all.

    Example:
        >>> top_share([0.9, 0.5, 0.5, 0.1], 0.5).tolist()
        [1.0, 0.5, 0.5, 0.0]

    """
    order = np.asarray(ranks, float)
    allowed = np.ones(len(order), bool) if eligible is None else eligible
    count = min(round(share * len(order)), int(allowed.sum()))
    chance = np.zeros(len(order))
    if count:
        chance[allowed] = top_weights(order[allowed], count)
    return chance


def tier_of(ranks: npt.ArrayLike) -> Ints:
    """Tier of each unit by its rank in (0, 1): 0 for very low to 4 for very high, a fifth of units each.

    Example:
        >>> tier_of([0.1, 0.5, 0.99]).tolist()
        [0, 2, 4]

    """
    return np.minimum((np.asarray(ranks, float) * len(TIERS)).astype(np.int64), len(TIERS) - 1)


def budget_split(ranks: npt.ArrayLike, share: float) -> Floats:
    """Chance of treatment when a budget is split over tiers 50 : 30 : 15 : 5 from very high to low.

    Within a tier units are drawn at random. What a tier can't take goes to the next lower one, and at last to the
    very low, so that the budget is spent.

    Args:
        ranks: Higher is treated earlier, in (0, 1), shape (n,).
        share: Share of all units that can be treated.

    Returns:
        Chances, shape (n,).

    Example:
        >>> chance = budget_split((np.arange(100) + 0.5) / 100, 0.2)
        >>> [round(float(chance[tier_of((np.arange(100) + 0.5) / 100) == at].mean()), 2) for at in range(5)]
        [0.0, 0.05, 0.15, 0.3, 0.5]

    """
    tier = tier_of(ranks)
    chance = np.zeros(len(tier))
    carried: float = 0.0
    for at in reversed(range(len(TIERS))):
        size = int(np.count_nonzero(tier == at))
        wanted = share * len(tier) * BUDGET_SPLIT[TIERS[at]] + carried
        spent = min(wanted, float(size))
        carried = wanted - spent
        if size:
            chance[tier == at] = spent / size
    if carried > 1e-9:  # what is left after the lowest tier goes back to the highest that have room
        for at in reversed(range(len(TIERS))):
            inside = tier == at
            room = float((1 - chance[inside]).sum())
            if room > 0:
                added = min(room, carried)
                chance[inside] += added / np.count_nonzero(inside)
                carried -= added
    return chance


@dataclass(frozen=True)
class TreeRule:
    """An explainable rule: which arm for whom.

    Attributes:
        chances: Chance of each treatment arm for each unit, by trees that have not seen it, shape (n, arms - 1).
        text: The tree fitted on all units, a line a leaf.

    """

    chances: Floats
    text: str


def tree_rule(
    scores: Floats,
    covariates: Floats,
    folds: Ints,
    *,
    columns: list[str],
    arms: list[str],
    costs: Floats,
    depth: int = 2,
    least_units: int = 100,
) -> TreeRule:
    """Find the shallow tree whose leaves choose the arm with the highest net score.

    Args:
        scores: From `arm_scores`, in the unit of `costs`, shape (n, arms), control first.
        covariates: Encoded, shape (n, k).
        folds: Fold of each unit, shape (n,); a unit's choice comes from trees fitted without its fold.
        columns: Names of the covariates' columns.
        arms: Names of the arms, control first.
        costs: Cost of each treatment arm for a unit, shape (arms - 1,).
        depth: Of the tree.
        least_units: Units a leaf.

    Returns:
        The rule.

    References:
        Zhou, Athey, Wager (2023), Offline multi-action policy learning. Operations Research 71; here greedy, not exact.

    """
    net = np.column_stack([np.zeros(len(scores)), scores[:, 1:] - scores[:, :1] - costs])
    # The tree adds numbers up in single precision, which ends at 3.4e38.
    x = np.clip(np.where(np.isnan(covariates), -1e9, covariates), -1e30, 1e30)
    choice = np.empty(len(net), np.int64)
    for fold in np.unique(folds):
        tree, best = _grow(net[folds != fold], x[folds != fold], depth, least_units)
        choice[folds == fold] = best[tree.apply(x[folds == fold])]
    tree, best = _grow(net, x, depth, least_units)
    chances = (choice[:, None] == np.arange(1, net.shape[1])).astype(float)
    return TreeRule(chances, _text(tree, best, covariates, columns, arms))


def _grow(net: Floats, x: Floats, depth: int, least_units: int) -> tuple[Any, Ints]:
    """Grow a regression tree of the net scores; its leaves take the arm with the highest mean."""
    from sklearn.tree import DecisionTreeRegressor  # noqa: PLC0415 - heavy

    leaf = max(1, min(least_units, len(x) // 4))
    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=0)
    tree.fit(x, net[:, 1:])
    means = tree.tree_.value.reshape(tree.tree_.node_count, -1)
    best = np.column_stack([np.zeros(len(means)), means]).argmax(axis=1)
    return tree, best


def _text(tree: Any, best: Ints, covariates: Floats, columns: list[str], arms: list[str]) -> str:
    """Write a line a leaf: units of which a covariate is not known are below every cut of it."""
    inner = tree.tree_
    lines: list[str] = []

    def walk(node: int, conditions: list[str]) -> None:
        if inner.children_left[node] < 0:
            lines.append(f"{' and '.join(conditions) or 'everybody'}: {arms[best[node]]}")
            return
        name, cut = columns[inner.feature[node]], inner.threshold[node]
        values = covariates[:, inner.feature[node]]
        # The tree has seven digits.
        above, below = f"{name} > {cut:.6g}", f"{name} <= {cut:.6g}"
        if " = " in name:
            below, above = f"not {name}", name
        elif cut < np.nanmin(values):
            below, above = f"{name} is missing", f"{name} is known"
        elif np.isnan(values).any() and not any(
            said.startswith((f"{name} >", f"{name} is known")) for said in conditions
        ):
            below = f"({below} or {name} is missing)"
        walk(inner.children_left[node], [*conditions, below])
        walk(inner.children_right[node], [*conditions, above])

    walk(0, [])
    return "\n".join(lines)
