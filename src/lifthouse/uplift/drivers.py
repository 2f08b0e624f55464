"""What moves the predicted effect: how much scores change when a covariate is shuffled, and Shapley values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lifthouse.statistics.reasons import Floats, Ints
from lifthouse.threads import MODEL_THREADS


def permutation_importance(
    score: Callable[[Floats], Floats], covariates: Floats, groups: Mapping[str, Ints], *, seed: int, repeats: int = 1
) -> dict[str, float]:
    """Share of the scores' variance that goes with each covariate, itself or together with others.

    Args:
        score: Gives effects of shape (n,) from covariates of shape (n, k).
        covariates: Encoded, shape (n, k).
        groups: Positions of each covariate's columns, which are shuffled together.
        seed: Of the shuffles.
        repeats: Shuffles a covariate.

    Returns:
        By covariate; all 0 where scores are constant. Shares add up to more than 1 where covariates interact.

    References:
        Jansen (1999), Analysis of variance designs for model output. Computer Physics Communications 117 (the total
        index). Fisher, Rudin, Dominici (2019), All models are wrong, but many are useful. JMLR 20.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(1000, 2))
        >>> found = permutation_importance(lambda x: x[:, 0], x, {"a": np.array([0]), "b": np.array([1])}, seed=0)
        >>> round(found["a"]), found["b"]
        (1, 0.0)

    """
    rng = np.random.default_rng(seed)
    scores = score(covariates)
    variance = float(scores.var())
    importance = {}
    for name, columns in groups.items():
        changes = []
        for _ in range(repeats):
            shuffled = covariates.copy()
            shuffled[:, columns] = covariates[rng.permutation(len(covariates))][:, columns]
            changes.append(float(((score(shuffled) - scores) ** 2).mean()) / 2)
        importance[name] = float(np.mean(changes)) / variance if variance > 0 else 0.0
    return importance


def shapley_importance(
    score: Callable[[Floats], Floats], covariates: Floats, groups: Mapping[str, Ints], *, seed: int
) -> dict[str, float]:
    """Mean absolute Shapley value of each covariate, in the unit of the effect.

    Values are exact for trees that are fitted to the scores, which works for any learner.

    Args:
        score: Gives effects of shape (n,) from covariates of shape (n, k).
        covariates: Encoded, shape (n, k).
        groups: Positions of each covariate's columns, whose values are added up.
        seed: Of the trees.

    Returns:
        By covariate.

    References:
        Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
        Nature Machine Intelligence 2.

    """
    import lightgbm  # noqa: PLC0415 - heavy

    surrogate = lightgbm.LGBMRegressor(
        n_estimators=60,
        num_leaves=15,
        n_jobs=MODEL_THREADS,
        random_state=seed % 2**31,
        deterministic=True,
        verbose=-1,
    ).fit(covariates, score(covariates))
    predicted = surrogate.booster_.predict(covariates, pred_contrib=True, num_threads=MODEL_THREADS)
    values = np.asarray(predicted)
    return {name: float(np.abs(values[:, columns].sum(axis=1)).mean()) for name, columns in groups.items()}
