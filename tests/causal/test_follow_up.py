"""Those who choose late have less time left: an effect that is only that is refuted, and one that is more is not."""

import numpy as np
import pandas as pd
import pytest

from tests.causal.chosen_units import found, units


def followed(seed, *, effect=0.0, later=0.0, daily=0.5, size=2000):
    """Units whose value grows by `daily` a day; the treated are exposed `later` by so many days of fourteen."""
    random = np.random.default_rng(1000 + seed)
    table, outcomes = units(seed, size, effect=effect)
    treated = np.array(table["variant_id"].to_pylist()) == "with"
    days = 28 - random.uniform(0, 14, size) - later * treated
    return table, outcomes.assign(value=outcomes["value"] + daily * days, days_followed=days)


def test_an_effect_of_less_time_is_refuted():
    effects, refuted = found(*followed(0, later=3.0))
    aipw = effects.query("estimator == 'aipw' and estimand == 'ate' and population == 'all' and segment == 'all'").iloc[
        0
    ]
    assert aipw["ci_upper"] < -1
    row = refuted.loc["follow_up"]
    assert row["verdict"] == "fail"
    assert row["statistic"] > 1
    assert abs(row["refuted_estimate"]) < 3 * row["standard_error"]
    assert row["reason"].startswith("units were followed for 21.")
    assert "days in control, 18." in row["reason"]


def test_an_effect_beside_less_time_is_found_among_units_of_the_same_time():
    row = found(*followed(1, effect=2.0, later=3.0))[1].loc["follow_up"]
    assert row["verdict"] == "fail"
    assert abs(row["refuted_estimate"] - 2.0) < 3 * row["standard_error"]


@pytest.mark.parametrize("daily", [0.0, 0.5, 5.0])
def test_units_that_came_alike_are_not_suspected(daily):
    """However much the days explain: what they take from the variance moves the estimate by chance."""
    verdicts = [
        found(*followed(seed, effect=1.0, daily=daily, size=800))[1].loc["follow_up", "verdict"] for seed in range(6)
    ]
    # Each fails in less than one in a hundred.
    assert verdicts.count("fail") <= 1


def test_units_that_came_later_are_not_suspected_where_nothing_hangs_on_days():
    """Days that explain the choice make the estimate that holds them fixed less certain, and move it by chance."""
    verdicts = [
        found(*followed(seed, effect=1.0, later=8.0, daily=0.0, size=800))[1].loc["follow_up", "verdict"]
        for seed in range(8)
    ]
    assert verdicts.count("fail") <= 1


def test_arms_that_were_never_followed_for_as_long_can_not_be_compared():
    row = found(*followed(2, later=14.0, size=800))[1].loc["follow_up"]
    assert row["verdict"] == "fail"
    assert row["reason"].endswith("and none as long as in the other arm")


def test_what_has_no_time_is_not_suspected():
    table, outcomes = units(size=800)
    row = found(table, outcomes.assign(days_followed=np.nan))[1].loc["follow_up"]
    assert row[["verdict", "reason"]].tolist() == ["not_applicable", "all units were followed for as long"]
    assert pd.isna(row["statistic"])
