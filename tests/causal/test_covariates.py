"""A design matrix comes out of whatever table goes in."""

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from lifthouse.causal.covariates import Encoder


def test_categories_gaps_constants_and_copies():
    random = np.random.default_rng(1)
    income = random.normal(50, 10, 400)
    table = pa.table(
        {
            "income": pa.array(income, mask=np.arange(400) % 10 == 0),
            "income_in_cents": pa.array(100 * np.where(np.arange(400) % 10 == 0, np.nan, income)),
            "town": np.where(np.arange(400) % 4 == 0, "a", np.where(np.arange(400) == 1, "rare", "b")),
            "planet": ["earth"] * 400,
            "nothing": pa.nulls(400, pa.float64()),
            "is_member": random.random(400) < 0.5,
        }
    )
    encoder = Encoder.fit(table, table.schema.names)
    assert encoder.names == ["income", "income is missing", "town = a", "town = other", "is_member"]
    matrix = encoder.matrix(table)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(400), matrix])) == 6
    np.testing.assert_allclose(matrix[::10, 0], 0)
    np.testing.assert_allclose(matrix[matrix[:, 1] == 0, 0].mean(), 0, atol=1e-12)
    batch = table.to_batches()[0].slice(7, 20)
    np.testing.assert_array_equal(encoder.matrix(batch), matrix[7:27])


def test_values_not_seen_while_fitting_are_other_where_that_is_a_column():
    rare = pa.table({"town": ["a"] * 300 + ["b"] * 200 + ["c"]})
    encoder = Encoder.fit(rare, ["town"])
    assert encoder.names == ["town = b", "town = other"]
    np.testing.assert_array_equal(encoder.matrix(pa.table({"town": ["z", "c", "a"]}))[:, 1], [1, 1, 0])


def test_values_not_seen_while_fitting_are_the_reference_where_nothing_is_rare():
    encoder = Encoder.fit(pa.table({"town": ["a", "a", "b", "b", "c", None]}), ["town"])
    unseen = encoder.matrix(pa.table({"town": ["z", "b", None]}))
    assert dict(zip(encoder.names, unseen.T.tolist(), strict=True)) == {
        "town = b": [0, 1, 0],
        "town = c": [0, 0, 0],
        "town is missing": [0, 0, 1],
    }


@pytest.mark.parametrize("towns", [["a", "a", "a", "other", "other", "b"], ["other", "other", "other", "a", "a", "b"]])
def test_a_category_that_is_called_other_is_no_reference(towns):
    table = pa.table({"town": towns})
    encoder = Encoder.fit(table, ["town"])
    assert encoder.names == ["town = b", "town = other"]
    np.testing.assert_array_equal(encoder.matrix(table)[:, 1], [town == "other" for town in towns])
    alone = pa.table({"town": ["other", "other", None]})
    assert len(Encoder.fit(alone, ["town"]).names) == 1


def test_what_is_not_finite_is_missing():
    table = pa.table({"x": [1.0, 2.0, np.inf, np.nan]})
    assert np.isfinite(Encoder.fit(table, ["x"]).matrix(table)).all()


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamp_s", "timestamp_ns", "timestamptz"])
def test_days_and_moments_that_never_come_are_missing(kind):
    days = ["1970-01-02", "1970-01-04", None, "infinity", "-infinity"]
    table = duckdb.sql(f"select cast(unnest($1) as {kind}) as until", params=[days]).to_arrow_table()
    encoder = Encoder.fit(table, ["until"])
    assert encoder.names == ["until", "until is missing"]
    assert (encoder.columns[0].centre, encoder.columns[0].scale) == (2, 1)
    np.testing.assert_array_equal(encoder.matrix(table)[:, 0], [-1, 1, 0, 0, 0])


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_integers_may_be_larger_than_a_float_can_tell_apart(kind):
    table = pa.table({"number": pa.array([1, 2**53 + 1, None], kind)})
    encoder = Encoder.fit(table, ["number"])
    assert encoder.columns[0].centre == pytest.approx(2**52, rel=1e-8)
    np.testing.assert_array_equal(encoder.matrix(table)[:, 0], [-1, 1, 0])


def test_sums_in_another_order_are_the_same_numbers():
    table = pa.table({"sum": [0.1 + 0.2, 0.6, 0.9], "same": [0.1 + 0.2, 0.3, 0.3]})
    again = pa.table({"sum": [0.3, 0.2 + 0.4, 0.3 + 0.6], "same": [0.3, 0.3, 0.1 + 0.2]})
    encoder = Encoder.fit(table, ["sum", "same"])
    assert encoder == Encoder.fit(again, ["sum", "same"])
    assert encoder.names == ["sum"]
    np.testing.assert_array_equal(encoder.matrix(table), encoder.matrix(again))


def test_types_that_make_no_covariate_are_named():
    with pytest.raises(TypeError, match="covariate 'since' has type"):
        Encoder.fit(pa.table({"since": pa.array([1, 2], pa.duration("s"))}), ["since"])


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "UTC")])
def test_days_and_moments_are_numbers(kind):
    days = np.array(["1970-01-02", "1970-01-04", "NaT"], "datetime64[D]")
    table = pa.table({"since": pa.array(days, pa.date32()).cast(kind)})
    encoder = Encoder.fit(table, ["since"])
    assert (encoder.columns[0].centre, encoder.columns[0].scale) == (2, 1)
    np.testing.assert_array_equal(encoder.matrix(table)[:, 0], [-1, 1, 0])


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us", "UTC")])
def test_days_may_be_the_first_and_the_last_that_a_calendar_has(kind):
    days = np.array(["0001-01-01", "9999-12-31"], "datetime64[D]")
    table = pa.table({"until": pa.array(days, pa.date32()).cast(kind)})
    encoder = Encoder.fit(table, ["until"])
    assert (encoder.columns[0].centre, encoder.columns[0].scale) == (
        (date.max.toordinal() + date.min.toordinal()) / 2 - date(1970, 1, 1).toordinal(),
        (date.max - date.min).days / 2,
    )
    np.testing.assert_array_equal(encoder.matrix(table)[:, 0], [-1, 1])
