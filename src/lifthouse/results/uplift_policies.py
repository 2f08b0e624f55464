"""`fct_targeting_policies`: what treating whom is worth, doubly robust and on held-out scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from lifthouse.results.uplift_evaluation import Best, best_learners
from lifthouse.results.uplift_models import HeldOutTarget, Target, held_out_targets
from lifthouse.statistics.reasons import Floats
from lifthouse.uplift.encoding import Encoding
from lifthouse.uplift.evaluation import ranks_within
from lifthouse.uplift.policy import Value, arm_scores, budget_split, policy_value, top_share, tree_rule

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
    for held in held_out_targets(targets, models, held_out):
        scores = arm_scores(held.outcome, held.arm, held.expected, held.target.shares)
        for policy in _policies(held, scores, best, models, units):
            rows.append(_row(held.target, policy, scores, confidence))
    return pa.Table.from_pylist(rows, schema=POLICIES)


def _policies(
    held: HeldOutTarget,
    scores: Floats,
    best: Best,
    models: pd.DataFrame,
    units: pd.DataFrame,
) -> Iterator[_Policy]:
    target, n = held.target, len(held.outcome)
    treatments = target.variants[1:]
    yield _Policy("treat_none", "none", 0.0, np.zeros((n, len(treatments))))
    uplifts: list[Floats | None] = []
    for at, treatment in enumerate(treatments):
        arm = np.zeros((1, len(treatments)))
        arm[0, at] = 1.0
        yield _Policy("treat_all", treatment, 1.0, np.ones((n, 1)) * arm)
        learner, has_won = best.get(target.keys_of(treatment), ("", False))
        uplift = held.uplifts[learner][:, at] if has_won else None
        uplifts.append(uplift)
        ranks = ranks_within(target.sign * uplift, held.folds) if uplift is not None else None
        pays = target.profit(at, uplift) > 0 if uplift is not None else None
        for share in SHARES:
            yield _Policy("random", treatment, share, np.full((n, 1), share) * arm)
            if ranks is None:
                for name in ("top_uplift", "top_profit", "tier_budget"):
                    yield _Policy(name, treatment, share, None, reason="no_better_than_random")
                continue
            for name, chance in (
                ("top_uplift", top_share(ranks, share)),
                ("top_profit", top_share(ranks, share, eligible=pays)),
                ("tier_budget", budget_split(ranks, share)),
            ):
                yield _Policy(name, treatment, share, chance[:, None] * arm, learner)
    if len(treatments) > 1:
        yield from _best_arm(held, uplifts)
    if any(uplift is not None for uplift in uplifts):
        yield _tree(held, scores, models, units)
    else:
        yield _Policy("policy_tree", "any", 1.0, None, reason="no_better_than_random")


def _best_arm(held: HeldOutTarget, uplifts: list[Floats | None]) -> Iterator[_Policy]:
    """Give each unit the treatment with the highest expected profit, from the highest profit down."""
    if all(uplift is None for uplift in uplifts):
        for share in SHARES:
            yield _Policy("best_arm", "any", share, None, reason="no_better_than_random")
        return
    chosen, most = held.target.best_treatments(uplifts)
    for share in SHARES:
        chance = top_share(ranks_within(most, held.folds), share, eligible=chosen >= 0)
        yield _Policy("best_arm", "any", share, (chosen[:, None] == np.arange(len(uplifts))) * chance[:, None])


def _tree(held: HeldOutTarget, scores: Floats, models: pd.DataFrame, units: pd.DataFrame) -> _Policy:
    target = held.target
    of_experiment = target.units_of(units, held.unit_ids)
    covariates = [str(name) for name in target.rows_of(models)["covariates"].iloc[0]]
    encoding = Encoding.of(of_experiment[covariates])
    is_valued = not np.isnan(target.value)
    tree = tree_rule(
        scores * (target.value if is_valued else target.sign),
        encoding.encode(of_experiment),
        held.folds,
        columns=encoding.columns,
        arms=list(target.variants),
        costs=np.array(target.costs) if is_valued else np.zeros(len(target.costs)),
    )
    return _Policy("policy_tree", "any", 1.0, tree.chances, rule=tree.text)


def _row(target: Target, policy: _Policy, scores: Floats, confidence: float) -> dict[str, object]:
    row: dict[str, object] = {
        "experiment_id": target.experiment_id,
        "metric_name": target.metric_name,
        "policy": policy.name,
        "treatment_variant_id": policy.treatment,
        "learner": policy.learner,
        "rule": policy.rule,
        "reason": policy.reason,
        "budget_share": policy.budget_share,
    }
    if policy.chances is None:
        return row
    chances = policy.chances
    given = chances.mean(axis=0)
    random = np.broadcast_to(given, chances.shape)
    # Everybody gets the treatment, or, where a policy gives several, the treatments in the policy's proportions.
    everybody = random / given.sum() if given.sum() else np.full(chances.shape, 1 / chances.shape[1])
    value = policy_value(scores, chances, confidence=confidence)
    row |= {"treated_share": float(given.sum()), "value": value.value, "standard_error": value.standard_error}
    row |= {"ci_lower": value.ci_lower, "ci_upper": value.ci_upper}
    for name, other in (("versus_random", random), ("versus_all", everybody)):
        difference = policy_value(scores, chances - other, confidence=confidence)
        row |= {name: difference.value}
        row |= {f"{name}_ci_lower": difference.ci_lower, f"{name}_ci_upper": difference.ci_upper}
    return row | _money(target, value, given)


def _money(target: Target, value: Value, given: Floats) -> dict[str, object]:
    cost = float(given @ np.array(target.costs))
    if np.isnan(target.value):
        return {"cost": cost}
    earned = sorted(target.value * bound for bound in (value.ci_lower, value.ci_upper))
    profit = target.value * value.value - cost
    return {
        "cost": cost,
        "profit": profit,
        "profit_ci_lower": earned[0] - cost,
        "profit_ci_upper": earned[1] - cost,
        "roi": profit / cost if cost > 0 else None,
    }
