"""What a way of choosing costs on arms whose rates are known: regret against always using the best."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from lifthouse.statistics.reasons import Floats, check_choice

Policy = Literal["thompson", "epsilon_greedy", "uniform"]


def simulated_regret(
    rates: npt.ArrayLike,
    policy: Policy,
    *,
    horizon: int,
    replicates: int,
    delay: int = 0,
    epsilon: float = 0.1,
    seed: int = 0,
) -> Floats:
    """Play Bernoulli arms round by round.

    Args:
        rates: True rates of the arms, shape (k,).
        policy: "thompson", a draw from each arm's beta posterior decides; "epsilon_greedy", the best arm so far, or any
            in a share `epsilon` of rounds; "uniform", any.
        horizon: Rounds.
        replicates: Plays, each from scratch.
        delay: Rounds until a reward is known to the policy; 0 for before the next round.
        epsilon: Share of rounds in which epsilon-greedy explores.
        seed: Of the random numbers.

    Returns:
        Cumulative regret at the end of each round: what the best arm would have earned more, on average given the arms
        used; shape (replicates, horizon).

    Raises:
        ValueError: If the policy is unknown, or a rate, a count or the share is out of range.

    References:
        Lai, Robbins (1985), Asymptotically efficient adaptive allocation rules. Advances in Applied Mathematics 6.
        Chapelle, Li (2011), An empirical evaluation of Thompson sampling. NeurIPS, on delays.

    Example:
        >>> regret = simulated_regret([0.1, 0.3], "uniform", horizon=1000, replicates=50)
        >>> regret[:, -1].mean().round(-1).item()
        100.0

    """
    check_choice("policy", policy, ("thompson", "epsilon_greedy", "uniform"))
    if horizon < 1 or replicates < 1 or delay < 0:
        raise ValueError(f"horizon, replicates, delay == {horizon}, {replicates}, {delay}, must be >= 1, >= 1, >= 0")
    rate = np.asarray(rates, float)
    if not ((rate >= 0) & (rate <= 1)).all():
        raise ValueError(f"rates == {rate.tolist()}, must be >= 0 and <= 1")
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon == {epsilon}, must be >= 0 and <= 1")
    rng = np.random.default_rng(seed)
    each = np.arange(replicates)
    won, lost = np.zeros((2, replicates, len(rate)))
    used = np.empty((horizon, replicates), dtype=np.intp)
    rewarded = np.empty((horizon, replicates))
    for now in range(horizon):
        known = now - 1 - delay
        if known >= 0:
            won[each, used[known]] += rewarded[known]
            lost[each, used[known]] += 1 - rewarded[known]
        if policy == "thompson":
            arm = rng.beta(won + 1, lost + 1).argmax(axis=1)
        else:
            arm = rng.integers(len(rate), size=replicates)
        if policy == "epsilon_greedy":
            # An arm without rewards counts as if it had half of them: it is tried before a poor one is used on.
            best = ((won + 1) / (won + lost + 2)).argmax(axis=1)
            arm = np.where(rng.random(replicates) < epsilon, arm, best)
        used[now] = arm
        rewarded[now] = rng.random(replicates) < rate[arm]
    return np.asarray(np.cumsum(rate.max() - rate[used], axis=0).T)
