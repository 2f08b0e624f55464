"""Balance of covariates that hardly vary, or not at all."""

import numpy as np
import pyarrow as pa
import pytest

from lifthouse.results.covariate_balance import covariate_balance
from tests.causal.chosen_units import PAIR, scored, units


def balance_of(table):
    _, sample = scored(table)
    return covariate_balance([PAIR], lambda _: sample)


def test_balance_of_a_covariate_that_is_constant_in_an_arm():
    """Everybody on the island is treated, so control's variance is 0; trimmed, nobody there is left in either arm."""
    random = np.random.default_rng(0)
    island, age = random.random(3000) < 0.55, random.normal(size=3000)
    treated = island | (random.random(3000) < 1 / (1 + np.exp(-age)))
    table = pa.table(
        {
            "experiment_id": ["chosen"] * 3000,
            "unit_id": [f"u{number}" for number in range(3000)],
            "variant_id": np.where(treated, "with", "without"),
            "age": age,
            "region": np.where(island, "island", "mainland"),
        }
    )
    of_region = balance_of(table).query("covariate.str.startswith('region')").set_index(["population", "weighting"])
    everybody, trimmed = of_region.loc["all"], of_region.loc["trimmed"]
    assert everybody["mean_control"].eq(1).all()
    assert everybody["variance_ratio"].isna().all()
    share = np.mean(~island[treated])
    assert everybody.loc["none", "standardised_difference"] == pytest.approx(
        (share - 1) / np.sqrt(share * (1 - share) * treated.sum() / (treated.sum() - 1) / 2), rel=1e-9
    )
    assert everybody.loc["matched_att", ["mean_treatment", "standardised_difference", "is_balanced"]].tolist() == [
        1,
        0,
        True,
    ]
    assert trimmed["reason"].eq("zero_variance").all()
    assert trimmed[["mean_control", "mean_treatment"]].eq(1).all().all()
    assert trimmed[["standardised_difference", "variance_ratio", "is_balanced"]].isna().all().all()


def test_a_covariate_that_the_arm_alone_decides_is_not_balanced():
    table, _ = units(size=600)
    switched = [variant == "with" for variant in table["variant_id"].to_pylist()]
    found = balance_of(table.append_column("switched", pa.array(switched))).query("covariate == 'switched'")
    assert found["reason"].eq("zero_variance").all()
    assert found[["standardised_difference", "variance_ratio"]].isna().all().all()
    assert found["is_balanced"].eq(False).all()
    np.testing.assert_allclose(found["mean_control"], 0, atol=1e-15)
    np.testing.assert_allclose(found["mean_treatment"], 1, rtol=1e-15)
