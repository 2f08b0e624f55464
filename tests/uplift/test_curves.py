"""Curves against scikit-uplift's figures on public data, and by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lifthouse.uplift.curves import CurveKind, area_score, uplift_at, uplift_curve

DATA = os.environ.get("LIFTHOUSE_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="LIFTHOUSE_DATA names no folder of public data sets")


def reference(dataset: str) -> dict[str, Any]:
    computed: dict[str, Any] = json.loads((Path(DATA) / "reference.json").read_text())["datasets"][dataset]["computed"]
    return computed


def assert_as_published(
    outcome: np.ndarray, score: np.ndarray, treated: np.ndarray, expected: dict[str, Any], *, has_curves: bool
) -> None:
    assert area_score(outcome, score, treated) == pytest.approx(expected["qini_auc_score"], abs=1e-6)
    assert area_score(outcome, score, treated, kind="uplift") == pytest.approx(expected["uplift_auc_score"], abs=1e-6)
    for percent in (10, 20, 30, 50):
        for strategy in ("overall", "by_group"):
            found = uplift_at(outcome, score, treated, percent / 100, strategy=strategy)
            assert found == pytest.approx(expected[f"uplift_at_{percent}pct.{strategy}"], abs=1e-6)
    if has_curves:
        for kind in ("qini", "uplift"):
            curve, figures = uplift_curve(outcome, score, treated, kind=kind), expected[f"{kind}_curve"]
            assert len(curve.gain) == figures["points"]
            assert curve.area == pytest.approx(figures["trapezoid_area"], rel=1e-9)
            assert curve.gain[-1] == pytest.approx(figures["y_end"], rel=1e-9)


@needs_data
@pytest.mark.parametrize(("name", "arm"), [("womens_visit", "Womens E-Mail"), ("mens_visit", "Mens E-Mail")])
def test_hillstrom_equals_scikit_uplift(name: str, arm: str) -> None:
    rows = pq.read_table(Path(DATA) / "hillstrom.parquet").to_pandas()
    rows = rows[rows["segment"].isin([arm, "No E-Mail"])]
    score = (rows["history"] + rows["customer_id"] * 1e-9).to_numpy()
    expected = reference("hillstrom")["uplift_deterministic_score"][name]
    treated = (rows["segment"] == arm).to_numpy()
    assert_as_published(rows["visit"].to_numpy(float), score, treated, expected, has_curves=True)


@needs_data
def test_larsen_equals_scikit_uplift() -> None:
    figures = reference("larsen_insurance_uplift")["metrics"]
    found = 0
    for split in ("train", "valid"):
        name = f"{split}.uplift_metrics_score_N_OPEN_REV_ACTS_tiebreak_row"
        if name not in figures:
            continue
        rows = pq.read_table(Path(DATA) / "larsen_insurance_uplift.parquet").to_pandas()
        rows = rows[rows["split"] == split]
        score = rows["N_OPEN_REV_ACTS"].to_numpy(float) + rows["row_id"].to_numpy() * 1e-9
        outcome, treated = rows["PURCHASE"].to_numpy(float), rows["TREATMENT"].to_numpy(int)
        assert_as_published(outcome, score, treated, figures[name], has_curves=False)
        found += 1
    assert found


def test_equal_scores_make_a_straight_line_whatever_the_order() -> None:
    outcome, treated = [1, 0, 1, 0, 1, 1], [1, 0, 0, 1, 1, 0]
    curve = uplift_curve(outcome, [1.0] * 6, treated)
    assert curve.count_targeted.tolist() == [0, 6]
    assert area_score(outcome, [1.0] * 6, treated) == 0
    # Half of the units at equal scores: the effect of all of them.
    assert uplift_at(outcome, [1.0] * 6, treated, 0.5) == pytest.approx(2 / 3 - 2 / 3)


def test_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    outcome, treated, score = rng.binomial(1, 0.4, 500), rng.binomial(1, 0.3, 500), rng.integers(0, 9, 500)
    shuffled = rng.permutation(500)
    for kind in ("qini", "uplift"):
        one = uplift_curve(outcome, score, treated, kind=kind)
        two = uplift_curve(outcome[shuffled], score[shuffled], treated[shuffled], kind=kind)
        np.testing.assert_allclose(one.gain, two.gain)


@pytest.mark.parametrize("kind", ["qini", "uplift"])
def test_a_proportion_of_which_less_is_better_is_normalised_as_its_complement(kind: CurveKind) -> None:
    rng = np.random.default_rng(2)
    treated = rng.integers(0, 2, 400)
    score = rng.normal(size=400)
    avoided = rng.binomial(1, 0.3 + 0.1 * treated + 0.1 * (score > 0), 400)
    assert area_score(avoided - 1.0, score, treated, kind=kind) == pytest.approx(
        area_score(avoided, score, treated, kind=kind)
    )


@pytest.mark.parametrize("kind", ["qini", "uplift"])
def test_amounts_of_which_less_is_better_are_normalised_as_what_is_left_of_the_most(kind: CurveKind) -> None:
    rng = np.random.default_rng(3)
    treated, score = rng.integers(0, 2, 2000), rng.uniform(size=2000)
    minutes = rng.gamma(3, 5, 2000) * (1 - 0.6 * treated * score)
    found = area_score(-minutes, score, treated, kind=kind)
    assert found == pytest.approx(area_score(minutes.max() - minutes, score, treated, kind=kind))
    assert 0 < found < 1


@pytest.mark.parametrize(
    ("outcome", "treated", "message"),
    [([1, 0], [1, 1], "must be some and not all"), ([1, np.nan], [1, 0], "finite"), ([1, 0], [1], "shapes")],
)
def test_wrong_input_is_refused(outcome: list[float], treated: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        uplift_curve(outcome, [1, 2], treated)
