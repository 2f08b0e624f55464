"""Correlations of the profile against pandas, which leaves out missing values pair by pair too."""

import numpy as np
import pandas as pd
import pyarrow as pa

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

    found = profile_correlations(batches_of(frame, 700), COLUMNS, [1e4, 1e4, float("nan"), 5.0, 1e4])

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
    assert profile_correlations([], COLUMNS, [float("nan")] * 5).empty
