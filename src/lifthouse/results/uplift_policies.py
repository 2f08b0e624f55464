"""`fct_targeting_policies`: what treating whom is worth, doubly robust and on held-out scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_evaluation import Best, best_learners
from lifthouse.results.uplift_held_out import held_out_targets
from lifthouse.results.uplift_profit import Profit, best_treatments, profit_of, winner_of
from lifthouse.results.uplift_targets import Target
from lifthouse.statistics.reasons import Floats
from lifthouse.uplift.encoding import Encoding
from lifthouse.uplift.evaluation import ranks_within
from lifthouse.uplift.policy import budget_split, policy_value, top_share, tree_rule

SHARES = tuple(round(0.1 * step, 1) for step in range(1, 11))
POLICIES = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("metric_name", pa.string()),
        ("policy", pa.string()),
        ("treatment_variant_id", pa.string()),
        ("learner", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("profit_reason", pa.string()),
        ("propensity", pa.string()),
        ("budget_share", pa.float64()),
        ("treated_share", pa.float64()),
        ("value", pa.float64()),
        ("standard_error", pa.float64()),
        ("ci_lower", pa.float64()),
        ("ci_upper", pa.float64()),
        ("versus_random", pa.float64()),
        ("versus_random_ci_lower", pa.float64()),
        ("versus_random_ci_upper", pa.float64()),
        ("versus_all", pa.float64()),
        ("versus_all_ci_lower", pa.float64()),
        ("versus_all_ci_upper", pa.float64()),
        ("cost", pa.float64()),
        ("outcome_cost", pa.float64()),
        ("profit", pa.float64()),
        ("profit_ci_lower", pa.float64()),
        ("profit_ci_upper", pa.float64()),
        ("roi", pa.float64()),
    ]
)


@dataclass(frozen=True)
class _Policy:
    """A rule: chances of each treatment arm for each unit, shape (n, arms - 1); None where targeting is withheld."""

    name: str
    treatment: str
    budget_share: float
    chances: Floats | None
    learner: str | None = None
    rule: str | None = None
    reason: str | None = None


def targeting_policies(
    targets: list[Target],
    models: pd.DataFrame,
    held_out: pa.Table,
    evaluation: pd.DataFrame,
    units: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pa.Table:
    """Value the policies of every target.

    Args:
        targets: What was modelled.
        models: `int_uplift_models`.
        held_out: `int_uplift_held_out`.
        evaluation: `int_uplift_evaluation`.
        units: Fitted units of `int_uplift_units`, for the policy tree.
        confidence: Level of the intervals.

    Returns:
        One row per experiment, metric, policy, treatment and budget share. Policies that rank units have a reason and
        no numbers where no learner is better than random.

    """
    best = best_learners(evaluation)
    rows: list[dict[str, object]] = []
    modelled = list(held_out_targets(targets, models, held_out))
    for held in modelled:
        profit = profit_of(held, modelled, targets, best)
        for policy in _policies(profit, best, models, units):
            rows.append(_row(profit, policy, confidence))
    return pa.Table.from_pylist(rows, schema=POLICIES)


def _policies(profit: Profit, best: Best, models: pd.DataFrame, units: pd.DataFrame) -> Iterator[_Policy]:
    held, target = profit.held, profit.ledger.target
    n, treatments = len(held.outcome), target.variants[1:]
    yield _Policy("treat_none", "none", 0.0, np.zeros((n, len(treatments))))
    for at, treatment in enumerate(treatments):
        arm = np.zeros((1, len(treatments)))
        arm[0, at] = 1.0
        yield _Policy("treat_all", treatment, 1.0, np.ones((n, 1)) * arm)
        learner, earned = winner_of(target, at, best), profit.expected[at]
        ranks = ranks_within(target.sign * held.uplifts[learner][:, at], held.folds) if learner else None
        profit_ranks = None if earned is None else ranks_within(earned, held.folds)
        # Expected profit may add up the winners of several metrics.
        winners = [winner_of(entry, at, best) for entry in profit.ledger.entries]
        alone = learner if winners.count(None) == len(winners) - 1 else None
        pays = None if earned is None else earned > profit.ledger.fees[at]
        for share in SHARES:
            yield _Policy("random", treatment, share, np.full((n, 1), share) * arm)
            for name, chance, ranked_by in (
                ("top_uplift", None if ranks is None else top_share(ranks, share), learner),
                ("top_profit", None if profit_ranks is None else top_share(profit_ranks, share, eligible=pays), alone),
                ("tier_budget", None if ranks is None else budget_split(ranks, share), learner),
            ):
                if chance is None:
                    yield _Policy(name, treatment, share, None, reason="no_better_than_random")
                else:
                    yield _Policy(name, treatment, share, chance[:, None] * arm, ranked_by)
    if len(treatments) > 1:
        yield from _best_arm(profit)
    if any(earned is not None for earned in profit.expected):
        yield _tree(profit, models, units)
    else:
        yield _Policy("policy_tree", "any", 1.0, None, reason="no_better_than_random")


def _best_arm(profit: Profit) -> Iterator[_Policy]:
    """Give each unit the treatment with the highest expected profit, from the highest profit down."""
    if all(earned is None for earned in profit.expected):
        for share in SHARES:
            yield _Policy("best_arm", "any", share, None, reason="no_better_than_random")
        return
    chosen, most = best_treatments(profit.ledger, profit.expected)
    for share in SHARES:
        chance = top_share(ranks_within(most, profit.held.folds), share, eligible=chosen >= 0)
        yield _Policy("best_arm", "any", share, (chosen[:, None] == np.arange(len(profit.expected))) * chance[:, None])


def _tree(profit: Profit, models: pd.DataFrame, units: pd.DataFrame) -> _Policy:
    held, target = profit.held, profit.ledger.target
    of_experiment = target.units_of(units, held.unit_ids)
    covariates = [str(name) for name in target.rows_of(models)["covariates"].iloc[0]]
    encoding = Encoding.of(of_experiment[covariates])
    tree = tree_rule(
        profit.earned,
        encoding.encode(of_experiment),
        held.folds,
        columns=encoding.columns,
        arms=list(target.variants),
        costs=profit.ledger.fees,
    )
    return _Policy("policy_tree", "any", 1.0, tree.chances, rule=tree.text)


def _row(profit: Profit, policy: _Policy, confidence: float) -> dict[str, object]:
    target = profit.ledger.target
    row: dict[str, object] = {
        "experiment_id": target.experiment_id,
        "metric_name": target.metric_name,
        "policy": policy.name,
        "treatment_variant_id": policy.treatment,
        "learner": policy.learner,
        "rule": policy.rule,
        "reason": policy.reason,
        "profit_reason": profit.ledger.reason,
        "propensity": target.propensity,
        "budget_share": policy.budget_share,
    }
    if policy.chances is None:
        return row
    chances = policy.chances
    given = chances.mean(axis=0)
    random = np.broadcast_to(given, chances.shape)
    # Everybody gets the treatment, or, where a policy gives several, the treatments in the policy's proportions.
    everybody = random / given.sum() if given.sum() else np.full(chances.shape, 1 / chances.shape[1])
    value = policy_value(profit.scores, chances, confidence=confidence)
    row |= {"treated_share": float(given.sum()), "value": value.value, "standard_error": value.standard_error}
    row |= {"ci_lower": value.ci_lower, "ci_upper": value.ci_upper}
    for name, other in (("versus_random", random), ("versus_all", everybody)):
        difference = policy_value(profit.scores, chances - other, confidence=confidence)
        row |= {name: difference.value}
        row |= {f"{name}_ci_lower": difference.ci_lower, f"{name}_ci_upper": difference.ci_upper}
    return row | _money(profit, chances, confidence)


def _money(profit: Profit, chances: Floats, confidence: float) -> dict[str, object]:
    if not profit.ledger.knows_costs:
        return {}
    target = profit.ledger.target
    fee = float(chances.mean(axis=0) @ np.array(target.costs))
    outcome_cost = policy_value(profit.spent, chances).value
    cost = fee + outcome_cost
    money: dict[str, object] = {"cost": cost, "outcome_cost": outcome_cost}
    if profit.ledger.reason:
        return money
    earned = policy_value(profit.earned, chances, confidence=confidence)
    gain = earned.value - fee
    return money | {
        "profit": gain,
        "profit_ci_lower": earned.ci_lower - fee,
        "profit_ci_upper": earned.ci_upper - fee,
        "roi": gain / cost if cost > 0 else None,
    }
