"""Gradient boosting with the settings that all nuisance models share."""

from __future__ import annotations

from typing import Any

from lifthouse.threads import MODEL_THREADS


def _settings(n_units: int, seed: int) -> dict[str, Any]:
    """Shallow trees and slow learning; leaves grow with the data, so that few units are not memorised."""
    return {
        "n_estimators": 100,
        "learning_rate": 0.06,
        "num_leaves": 12,
        "min_child_samples": max(20, n_units // 200),
        "reg_lambda": 1.0,
        "max_bin": 63,
        "n_jobs": MODEL_THREADS,
        "random_state": seed % 2**31,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def boosted_classifier(n_units: int, seed: int) -> Any:
    """Classifier to be fitted on so many units."""
    from lightgbm import LGBMClassifier  # noqa: PLC0415

    return LGBMClassifier(**_settings(n_units, seed))


def boosted_regressor(n_units: int, seed: int) -> Any:
    """Regressor to be fitted on so many units."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415

    return LGBMRegressor(**_settings(n_units, seed))
