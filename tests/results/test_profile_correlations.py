"""Correlations of the profile against pandas, which leaves out missing values pair by pair too."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifthouse.results.profile_correlations import profile_correlations

COLUMNS = ["revenue", "visits", "seats", "fixed", "rare"]


def users(count: int) -> pd.DataFrame:
    random = np.random.default_rng(20261127)
    frame = pd.DataFrame(random.normal(size=(count, len(COLUMNS))) + 1e4, columns=COLUMNS)
    frame["visits"] += frame["revenue"]
    frame["fixed"] = 5.0
    frame.loc[random.random(count) < 0.3, "seats"] = np.nan
    frame.loc[1:, "rare"] = np.nan
    frame.loc[2, "seats"] = np.inf
    frame.insert(0, "experiment_id", random.choice(["all", "x"], count))
    frame.insert(1, "variant_id", "control")
    return frame


def batches_of(frame: pd.DataFrame, rows: int) -> list[pa.RecordBatch]:
    return pa.Table.from_pandas(frame, preserve_index=False).to_batches(max_chunksize=rows)


def test_every_pair_is_what_pandas_says():
    frame = users(3_000)
    centres = [1e4, 1e4, float("nan"), 5.0, 1e4]

    found = profile_correlations(
        batches_of(frame, 700), COLUMNS, {("all", "control"): centres, ("x", "control"): centres}
    )

    assert len(found) == 2 * 10
    finite = frame.replace(np.inf, np.nan)
    for row in found.itertuples():
        pair = finite[finite["experiment_id"] == row.experiment_id][[row.column_name, row.other_column_name]].dropna()
        assert row.count_users == len(pair)
        if len(pair) < 2:
            assert pd.isna(row.correlation)
            assert row.reason == "fewer than two users have both"
        elif "fixed" in pair:
            assert pd.isna(row.correlation)
            assert row.reason == "one of the columns is constant"
        else:
            assert pd.isna(row.reason)
            np.testing.assert_allclose(row.correlation, pair.corr().iloc[0, 1], atol=1e-7)


def test_no_users_are_no_rows():
    assert profile_correlations([], COLUMNS, {}).empty


def correlation_in(frame: pd.DataFrame, scope: tuple[str, str]) -> dict[str, object]:
    """The row of this scope, where revenue and visits are correlated about the means of each."""
    columns = ["revenue", "visits"]
    means = frame.groupby(["experiment_id", "variant_id"])[columns].mean()
    found = profile_correlations(batches_of(frame, 700), columns, dict(zip(means.index, means.to_numpy(), strict=True)))
    [row] = found[(found["experiment_id"] == scope[0]) & (found["variant_id"] == scope[1])].to_dict("records")
    return row


def test_a_far_number_of_another_scope_does_not_matter():
    """A user with a placeholder for a number that is not known is in one scope of two."""
    arm = users(1_000)[["experiment_id", "variant_id", "revenue", "visits"]].assign(experiment_id="x")
    everybody = pd.concat([arm, arm.head(1).assign(revenue=1e10)]).assign(experiment_id="all")

    found = correlation_in(pd.concat([everybody, arm]), ("x", "control"))

    assert pd.isna(found["reason"])
    np.testing.assert_allclose(found["correlation"], arm["revenue"].corr(arm["visits"]), atol=1e-9)


@pytest.mark.parametrize("scale", [1e160, 1e200])
def test_numbers_whose_squares_overflow_have_a_reason(scale: float):
    frame = users(10).assign(experiment_id="x")[["experiment_id", "variant_id", "revenue", "visits"]]
    frame["revenue"] *= scale

    found = correlation_in(frame, ("x", "control"))

    assert pd.isna(found["correlation"])
    assert found["reason"] == "one of the columns has numbers too large to be squared"
