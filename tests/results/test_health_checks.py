"""Checks of health find what was planted and leave sound experiments alone."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lifthouse.results.health import experiment_health
from lifthouse.results.health_checks import exposure_gaps, interactions, missing_covariates, novelty

CONTROLS = {"x": "a"}


def counts(by_day):
    days = pd.date_range("2026-03-02", periods=len(by_day))
    frame = pd.DataFrame({"experiment_id": "x", "dimension": "all", "exposure_date": days, "count_units": by_day})
    return frame[frame["count_units"] > 0]


@pytest.mark.parametrize(
    ("by_day", "silent", "is_odd"),
    [
        ([90, 80, 70, 60], 0, False),
        ([90, 80, 0, 60], 1, True),
        ([3, 0, 2, 1], 0, False),  # A quiet experiment has days without units.
    ],
)
def test_gaps_of_exposure(by_day, silent, is_odd):
    [finding] = exposure_gaps(counts(by_day), {})
    assert finding.statistic == silent
    assert (finding.p_value < 0.01) == is_odd


def test_a_running_experiment_that_falls_silent():
    [finding] = exposure_gaps(counts([90, 80, 70]), {"x": np.datetime64("2026-03-06")})
    assert finding.statistic == 2
    assert finding.p_value < 1e-9
    assert "the first 2026-03-05" in finding.reason


def test_an_experiment_that_falls_silent_after_its_first_day():
    [finding] = exposure_gaps(counts([90]), {"x": np.datetime64("2026-03-04")})
    assert finding.statistic == 2
    assert finding.p_value < 1e-9
    assert list(exposure_gaps(counts([90]), {})) == []


def test_silent_days_on_end_are_one_silence():
    """Nine units on each day around: each silent day has a chance of exp(-9), both together of exp(-18)."""
    [alone] = exposure_gaps(counts([9, 0, 9, 9, 9]), {})
    [on_end] = exposure_gaps(counts([9, 0, 0, 9, 9]), {})
    [apart] = exposure_gaps(counts([9, 0, 9, 0, 9]), {})
    assert alone.p_value == apart.p_value == pytest.approx(5 * np.exp(-9))
    assert on_end.p_value == pytest.approx(5 * np.exp(-18))


UNITS = pd.DataFrame(
    [
        ("x", None, variant, "all", "all", day, 50)
        for day in pd.date_range("2026-03-01", "2026-03-09")
        for variant in ("a", "b")
    ],
    columns=["experiment_id", "phase_id", "variant_id", "dimension", "segment", "exposure_date", "count_units"],
)


def moments_of(names, products, last_day):
    """Moments of a metric in both arms, which are alike."""
    return pd.DataFrame(
        {
            "experiment_id": "x",
            "metric_name": "m",
            "variant_id": ["a", "b"],
            "dimension": "all",
            "segment": "all",
            "activity_date": pd.Timestamp(last_day),
            "count_units": 450,
            "value_names": [names] * 2,
            "pivots": [[1.0] * len(names)] * 2,
            "sums": [[0.0] * len(names)] * 2,
            "products": [products] * 2,
        }
    )


def checks_of(
    counted, *, phases=("all",), ended_at=None, last_day="2026-04-10", excluded=0, moments=None, stretched=None
):
    """Checks of an experiment that runs by its status, with units on nine days and a metric that goes on for weeks."""
    if moments is None:
        moments = moments_of(["numerator"], [2.0], last_day)
    variants = pd.MultiIndex.from_product([phases, ["a", "b"]], names=["phase_id", "variant_id"])
    return experiment_health(
        pd.DataFrame(
            {
                "experiment_id": ["x"],
                "assignment": "randomised",
                "status": "running",
                "ended_at": pd.to_datetime([ended_at]),
            }
        ),
        variants.to_frame(index=False).assign(experiment_id="x", expected_share=0.5),
        counted,
        pd.DataFrame({"experiment_id": ["x"], "count_units": 900, "count_excluded": excluded}),
        moments,
        metrics=pd.DataFrame({"experiment_id": ["x"], "metric_name": "m"}),
        unavailable=pd.DataFrame({"metric_name": [], "reason": []}),
        covariate_gaps=pd.DataFrame(columns=["experiment_id", "covariate", "variant_id", "count_units"]),
        overlaps=pd.DataFrame(columns=cells(0.0, 1).columns),
        stretches=stretched if stretched is not None else pd.DataFrame(columns=stretches(0.0, 1).columns),
        controls=CONTROLS,
    ).set_index(["check_name", "segment"])


def exposure_gap(**options):
    return checks_of(UNITS, **options).loc[("exposure_gaps", "all")]


def test_nobody_is_expected_after_the_end_whatever_the_status_says():
    assert exposure_gap(ended_at="2026-03-10 00:00:00")["status"] == "pass"
    assert exposure_gap(ended_at="2026-03-11 12:00:00")["statistic"] == 2
    assert exposure_gap()["status"] == "warn"


def test_the_last_day_of_the_data_may_have_just_begun():
    assert exposure_gap(last_day="2026-03-10")["status"] == "pass"
    assert exposure_gap(last_day="2026-03-11")["statistic"] == 1


def test_a_ramp_is_checked_in_each_phase_and_not_for_what_time_changes():
    """What is missing in one phase and too much in the next leaves the sum as it was meant."""
    fading = stretches(0.5, 5)
    days = (UNITS["exposure_date"] - UNITS["exposure_date"].min()).dt.days
    ramp = UNITS[days < 8].assign(phase_id=np.where(days[days < 8] < 4, "one", "two"))
    opposed = ramp.assign(count_units=np.where((ramp["phase_id"] == "one") == (ramp["variant_id"] == "a"), 60, 40))
    checks = checks_of(opposed, phases=("one", "two"), stretched=fading)
    assert checks.loc[("sample_ratio", "all"), "status"] == "fail"
    assert "(in one a: 240, b: 160; in two a: 160, b: 240)" in checks.loc[("sample_ratio", "all"), "reason"]
    # 40 and 60 of 100 a day, four days a phase, against 50: 16 in each phase, of one degree of freedom each.
    assert checks.loc[("sample_ratio", "all"), "statistic"] == pytest.approx(32)
    assert checks.loc[("sample_ratio", "all"), "p_value"] == pytest.approx(2 * stats.chi2(2).sf(32))
    assert checks.loc["novelty", ["status", "reason"]].to_numpy().tolist() == [["not_applicable", "allocation_changed"]]

    even = checks_of(ramp, phases=("one", "two"), stretched=fading)
    assert even.loc[("sample_ratio", "all"), "p_value"] == 1
    assert checks_of(UNITS, stretched=fading).loc["novelty", "status"].tolist() == ["warn"]


def test_a_unit_that_no_phase_planned_spoils_no_segment():
    by_device = [
        UNITS.assign(phase_id="ramp", dimension=dimension, segment=segment)
        for dimension, segment in (("all", "all"), ("device", "phone"), ("device", "tv"))
    ]
    stray = UNITS.tail(1).assign(count_units=1)
    counted = pd.concat([*by_device, stray, stray.assign(dimension="device", segment="tv")])

    checks = checks_of(counted, phases=("ramp",))

    assert checks.loc[("sample_ratio", "all"), "status"] == "fail"
    assert checks.loc[("sample_ratio", "all"), "reason"].endswith("no share is planned for b in no phase")
    assert checks.loc[("sample_ratio_by_day", "all"), "status"] == "fail"
    by_segment = checks.loc["sample_ratio_by_segment"]
    assert by_segment["p_value"].between(0.9, 1).all()


@pytest.mark.parametrize(("lost", "status"), [(9, "warn"), (11, "fail")])
def test_a_segment_that_is_off_is_named_also_where_it_only_warns(lost, status):
    by_device = [
        UNITS.assign(dimension=dimension, segment=segment)
        for dimension, segment in (("device", "phone"), ("device", "tv"))
    ]
    of_phones = by_device[0]
    of_phones.loc[of_phones["variant_id"] == "b", "count_units"] -= lost
    whole = UNITS.assign(count_units=of_phones["count_units"] + UNITS["count_units"])

    checks = checks_of(pd.concat([whole, *by_device])).loc["sample_ratio_by_segment"]

    assert checks["status"].to_dict() == {"phone": status, "tv": "pass"}
    assert checks.loc["phone", "reason"].startswith("device = phone is ")
    assert pd.isna(checks.loc["tv", "reason"])


def test_the_only_segment_of_a_dimension_is_all_units_once_more():
    by_segment = [
        UNITS.assign(dimension=dimension, segment=segment)
        for dimension, segment in (("all", "all"), ("device", "phone"), ("device", "tv"), ("country", "DE"))
    ]
    checks = checks_of(pd.concat(by_segment))
    assert checks.loc["sample_ratio_by_segment"].index.tolist() == ["phone", "tv"]
    assert "sample_ratio_by_segment" not in checks_of(pd.concat([by_segment[0], by_segment[3]])).index


def test_units_seen_in_several_variants_are_called_so():
    check = checks_of(UNITS, excluded=90).loc[("multiple_exposure", "all")]
    assert check["reason"] == "90 of 900 units were seen in several variants, and do not count"


def test_imbalance_is_treatment_less_control_in_standard_deviations_of_a_unit():
    """Over phases of other shares; the treatment `B` comes before the control `a` in order."""
    rng = np.random.default_rng(9)
    values = {
        (variant, phase): rng.normal(mean, 2, size=count)
        for variant, phase, mean, count in [
            ("a", "p1", 5.0, 900),
            ("B", "p1", 5.3, 100),
            ("a", "p2", 6, 500),
            ("B", "p2", 6, 500),
        ]
    }
    arms = {variant: np.concatenate([values[variant, "p1"], values[variant, "p2"]]) for variant in ("a", "B")}
    parts = [(variant, "phase", phase, part) for (variant, phase), part in values.items()]
    parts += [(variant, "all", "all", arm) for variant, arm in arms.items()]
    moments = pd.DataFrame(
        {
            "experiment_id": "x",
            "metric_name": "m",
            "variant_id": variant,
            "dimension": dimension,
            "segment": segment,
            "activity_date": pd.Timestamp("2026-03-09"),
            "count_units": len(part),
            "value_names": ["numerator", "pre_numerator"],
            "pivots": [0.0, 5.0],
            "sums": [0.0, (part - 5).sum()],
            "products": [0.0, 0.0, ((part - 5) ** 2).sum()],
        }
        for variant, dimension, segment, part in parts
    )

    check = checks_of(UNITS, moments=moments).loc[("balance_before_exposure", "m")]

    gaps = [values["B", phase].mean() - values["a", phase].mean() for phase in ("p1", "p2")]
    deviation = np.sqrt((arms["a"].var(ddof=1) + arms["B"].var(ddof=1)) / 2)
    assert check["statistic"] == pytest.approx((gaps[0] + gaps[1]) / 2 / deviation)


def test_a_past_in_which_nothing_varied_says_why_it_can_not_be_compared():
    """Nobody bought before: the check was not applicable without a word, which failed the test of the mart."""
    moments = moments_of(["numerator", "pre_numerator"], [2.0, 0.0, 0.0], "2026-03-09")
    check = checks_of(UNITS, moments=moments).loc[("balance_before_exposure", "m")]
    assert (check["status"], check["reason"]) == ("not_applicable", "zero_variance")


def test_covariates_missing_in_one_arm():
    gaps = pd.DataFrame(
        {
            "experiment_id": "x",
            "covariate": ["even", "even", "odd", "odd", "full", "full"],
            "variant_id": ["a", "b"] * 3,
            "count_units": 1000,
            "count_missing": [100, 105, 100, 180, 0, 0],
        }
    )
    found = {finding.segment[1]: finding for finding in missing_covariates(gaps)}
    assert found["even"].p_value > 0.05
    assert found["odd"].p_value < 1e-5
    assert found["full"].p_value == 1
    assert found["odd"].statistic == pytest.approx(0.14)


def test_one_unit_without_a_covariate_in_a_small_arm_is_no_finding():
    """One of 100 units against none of 9,900 has a chance of 1% in that tail; the chi-square says 3e-23."""

    def p_value(missing, units):
        gaps = {"experiment_id": "x", "covariate": "age", "count_missing": missing, "count_units": units}
        [found] = missing_covariates(pd.DataFrame(gaps))
        return found.p_value

    assert p_value([0, 1], [9900, 100]) == pytest.approx(2 * 0.01)
    assert p_value([0, 1, 0], [9800, 100, 100]) == pytest.approx(3 * 2 * 0.01)
    assert p_value([30, 10], [9900, 100]) < 1e-9


def cells(effect_of_both, seed, *, is_ratio=False):
    """Moments of four cells of units whose outcome rises by `effect_of_both` where both experiments treat."""
    rng = np.random.default_rng(seed)
    rows = []
    for variant in ("a", "b"):
        for other in (False, True):
            shift = effect_of_both if variant == "b" and other else 0.0
            denominators = 1.0 + rng.poisson(4, 2000) if is_ratio else np.zeros(2000)
            values = rng.normal(10 + shift, 2, 2000) * (denominators if is_ratio else 1)
            pivots = [10.0, 5.0 if is_ratio else 0.0]
            x, y = values - pivots[0], denominators - pivots[1]
            rows.append(
                {
                    "experiment_id": "x",
                    "metric_name": "m",
                    "is_ratio": is_ratio,
                    "variant_id": variant,
                    "other_experiment_id": "y",
                    "is_other_treated": other,
                    "count_units": 2000,
                    "pivots": pivots,
                    "sums": [x.sum(), y.sum()],
                    "products": [(x * x).sum(), (x * y).sum(), (y * y).sum()],
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("is_ratio", [False, True])
def test_interactions(is_ratio):
    [planted] = interactions(cells(1.0, 3, is_ratio=is_ratio), CONTROLS)
    [none] = interactions(cells(0.0, 4, is_ratio=is_ratio), CONTROLS)
    assert planted.p_value < 1e-6
    assert planted.statistic == pytest.approx(1.0, abs=0.4)
    assert none.p_value > 0.01


def stretches(fade, seed):
    rng = np.random.default_rng(seed)
    rows = []
    for variant in ("a", "b"):
        habit = rng.normal(5, 2, 3000)
        early, late = habit + rng.normal(0, 1, 3000), habit + rng.normal(0, 1, 3000)
        if variant == "b":
            early, late = early + 1.0, late + 1.0 - fade
        rows.append(
            {
                "experiment_id": "x",
                "metric_name": "m",
                "variant_id": variant,
                "count_units": 3000,
                "sums": [early.sum(), late.sum()],
                "products": [(early**2).sum(), (early * late).sum(), (late**2).sum()],
            }
        )
    return pd.DataFrame(rows)


def test_novelty():
    [fading] = novelty(stretches(0.5, 5), CONTROLS)
    [lasting] = novelty(stretches(0.0, 6), CONTROLS)
    assert fading.statistic == pytest.approx(-0.5, abs=0.15)
    assert fading.p_value < 1e-6
    assert lasting.p_value > 0.01


def test_nothing_to_check():
    empty = pd.DataFrame(columns=cells(0.0, 1).columns)
    assert list(interactions(empty, CONTROLS)) == []
    assert list(novelty(pd.DataFrame(columns=stretches(0.0, 1).columns), CONTROLS)) == []
