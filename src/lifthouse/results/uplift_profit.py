"""What treatments earn with each unit: the metric's value, less what they add to the experiment's cost metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lifthouse.results.uplift_evaluation import Best
from lifthouse.results.uplift_held_out import HeldOutTarget
from lifthouse.results.uplift_targets import Target
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.uplift.evaluation import MIN_UNITS

_NOT_MODELLED = "cost_not_modelled"


@dataclass(frozen=True)
class Ledger:
    """The metrics that enter the profit of a target.

    Attributes:
        target: The target.
        costs: The experiment's other targets whose value is negative; none unless all of them are modelled, of enough
            of the target's units.
        reason: Why there is no profit, or None. Units are then judged by the gain in the metric.

    """

    target: Target
    costs: tuple[Target, ...]
    reason: str | None

    @property
    def knows_costs(self) -> bool:
        """Whether every cost is known: of a part of them nobody could tell what a policy costs."""
        return not (self.reason or "").startswith(_NOT_MODELLED)

    @property
    def entries(self) -> tuple[Target, ...]:
        """Targets whose effects `earned` needs."""
        return (self.target,) if self.reason else (self.target, *self.costs)

    def earned(self, effects: Mapping[str, Floats]) -> Floats:
        """Money before the treatments' own cost; without a profit the gain in the metric.

        Args:
            effects: By metric, effects or outcomes, all of one shape.

        """
        if self.reason:
            return self.target.sign * effects[self.target.metric_name]
        return self.target.value * effects[self.target.metric_name] - self.spent(effects)

    def spent(self, effects: Mapping[str, Floats]) -> Floats:
        """Money that goes into the cost metrics, of the shape of the effects."""
        spent = np.zeros_like(effects[self.target.metric_name])
        for cost in self.costs:
            spent = spent - cost.value * effects[cost.metric_name]
        return spent

    @property
    def fees(self) -> Floats:
        """Money that each treatment costs for a unit, to be taken from `earned`; shape (treatments,)."""
        return np.zeros(len(self.target.costs)) if self.reason else np.array(self.target.costs)


def ledger_of(target: Target, targets: Sequence[Target], modelled: Mapping[str, HeldOutTarget]) -> Ledger:
    """Find what enters the profit of a target.

    Args:
        target: The target, which has models.
        targets: All targets.
        modelled: Targets of its experiment that have models, by metric.

    """
    costs = [
        other
        for other in targets
        if other.experiment_id == target.experiment_id
        and other.metric_name != target.metric_name
        and other.value < 0
        # Ratios and quantiles are no costs of a unit.
        and other.reason != "not_one_number_a_unit"
    ]
    missing = []
    held = modelled[target.metric_name]
    for cost in costs:
        known = held.only(_is_known(held, modelled.get(cost.metric_name)))
        if np.bincount(known.arm, minlength=len(target.variants)).min() < MIN_UNITS:
            missing.append(cost.metric_name)
        else:
            held = known
    if missing:
        return Ledger(target, (), f"{_NOT_MODELLED}: {', '.join(missing)}")
    return Ledger(target, tuple(costs), "no_value_per_unit" if np.isnan(target.value) else None)


@dataclass(frozen=True)
class Profit:
    """What is known of a target's profit on its held-out units.

    Attributes:
        ledger: What enters it.
        held: The target on the units whose outcome of each cost metric is known.
        scores: Doubly robust scores of the metric, shape (n, arms).
        earned: Doubly robust scores of `Ledger.earned`, shape (n, arms).
        spent: Doubly robust scores of `Ledger.spent`, shape (n, arms).
        expected: By treatment, `Ledger.earned` as the learners expect it, out of fold, shape (n,); None where no
            learner of any metric in it is better than random.

    """

    ledger: Ledger
    held: HeldOutTarget
    scores: Floats
    earned: Floats
    spent: Floats
    expected: tuple[Floats | None, ...]


def profit_of(held: HeldOutTarget, modelled: Sequence[HeldOutTarget], targets: Sequence[Target], best: Best) -> Profit:
    """Add up a target's metric and the costs of its experiment, unit by unit.

    A policy's profit is the mean of the units' sums, so that its interval counts how the metrics go together.

    Args:
        held: The target.
        modelled: All targets that have models.
        targets: All targets.
        best: Best learner of each experiment, metric and treatment.

    """
    of_experiment = {
        other.target.metric_name: other for other in modelled if other.target.experiment_id == held.target.experiment_id
    }
    ledger = ledger_of(held.target, targets, of_experiment)
    books = {cost.metric_name: of_experiment[cost.metric_name] for cost in ledger.costs}
    for other in books.values():
        held = held.only(_is_known(held, other))
    books[held.target.metric_name] = held
    scores = {name: other.arm_scores()[positions(held.unit_ids, other.unit_ids)] for name, other in books.items()}
    return Profit(
        ledger,
        held,
        scores[held.target.metric_name],
        ledger.earned(scores),
        ledger.spent(scores),
        held_out_earnings(ledger, held.unit_ids, books, best),
    )


def held_out_earnings(
    ledger: Ledger, unit_ids: pd.Series, held: Mapping[str, HeldOutTarget], best: Best
) -> tuple[Floats | None, ...]:
    """Give `expected_earnings` of held-out scores.

    Args:
        ledger: What enters the profit.
        unit_ids: Units, shape (n,). Those of which a cost metric's outcome is not known count with its average effect.
        held: Held-out targets by metric.
        best: Best learner of each experiment, metric and treatment.

    """

    def effect_of(target: Target, at: int, learner: str | None) -> Floats:
        known = held[target.metric_name]
        average = known.average_effects()[:, at]
        effect = known.uplifts[learner][:, at] if learner else average
        where = positions(unit_ids, known.unit_ids)
        return np.where(where >= 0, effect[where], average.mean())

    return expected_earnings(ledger, best, effect_of)


def expected_earnings(
    ledger: Ledger, best: Best, effect_of: Callable[[Target, int, str | None], Floats]
) -> tuple[Floats | None, ...]:
    """Give `Ledger.earned` of each treatment as the learners expect it.

    A metric counts by its winner. Where no learner of it is better than random, its average effect counts for all.

    Args:
        ledger: What enters the profit.
        best: Best learner of each experiment, metric and treatment.
        effect_of: Gives the effects on a target of a treatment, by its position, by a learner; the average without a
            learner; shape (n,).

    Returns:
        By treatment, shape (n,); None where no metric has a winner.

    """
    earnings: list[Floats | None] = []
    for at in range(len(ledger.target.costs)):
        winners = {target: winner_of(target, at, best) for target in ledger.entries}
        effects = {target.metric_name: effect_of(target, at, learner) for target, learner in winners.items()}
        earnings.append(ledger.earned(effects) if any(winners.values()) else None)
    return tuple(earnings)


def winner_of(target: Target, at: int, best: Best) -> str | None:
    """Learner that has won for a treatment, by its position; None where none has."""
    learner, has_won = best.get(target.keys_of(target.variants[at + 1]), ("", False))
    return learner if has_won else None


def best_treatments(ledger: Ledger, earnings: Sequence[Floats | None]) -> tuple[Ints, Floats]:
    """Choose each unit's most profitable treatment.

    Args:
        ledger: What enters the profit.
        earnings: Of each treatment, before its own cost, shape (n,); None where targeting is withheld. At least one
            is there.

    Returns:
        Positions of the treatments, -1 where none has a profit above zero, and the highest profits; shape (n,).

    """
    size = next(len(earned) for earned in earnings if earned is not None)
    profits = np.column_stack(
        [np.full(size, -np.inf) if earned is None else earned - ledger.fees[at] for at, earned in enumerate(earnings)]
    )
    most = profits.max(axis=1)
    return np.where(most > 0, profits.argmax(axis=1), -1), most


def _is_known(held: HeldOutTarget, other: HeldOutTarget | None) -> Bools:
    """Tell of a target's units whether another target's outcome is known of them, shape (n,)."""
    return positions(held.unit_ids, held.unit_ids[:0] if other is None else other.unit_ids) >= 0


def positions(unit_ids: pd.Series, of: pd.Series) -> Ints:
    """Where units are among others, -1 where they are not; shape (n,).

    Example:
        >>> positions(pd.Series(["b", "x"]), pd.Series(["a", "b"])).tolist()
        [1, -1]

    """
    return np.asarray(pd.Index(of).get_indexer(pd.Index(unit_ids)), np.int64)
