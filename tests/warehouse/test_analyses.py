"""Every analysis answers its question on the demo, from the published marts."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.warehouse.analyses import Analyses, analyses_of
from tests.warehouse.conftest import PROJECT, Warehouse

NAMES = sorted(path.stem for path in (PROJECT / "analyses").glob("*.sql"))
MOST_ROWS = 400
# Shares that are parts of one whole: {analysis: {column: what the whole is}}.
WHOLES: dict[str, dict[str, list[str]]] = {
    "attribution_by_impression_number": {"last_touch_revenue_share": [], "time_decay_revenue_share": []},
    "experiment_overview": {"included_share": ["experiment_id"]},
    "experiment_shares": {"share": ["experiment_id", "phase"]},
    "new_and_returning_revenue": {"revenue_share": ["activity_week"]},
    "power_user_curve": {"user_share": []},
    "price_tiers_by_attributed_revenue": {"impression_share": [], "attributed_revenue_share": []},
    "revenue_by_segment_and_variant": {"revenue_share": ["experiment_id", "variant_id"]},
    "sessions_by_hour_and_weekday": {"session_share": []},
}


@pytest.fixture(scope="module")
def analyses(demo_warehouse: Warehouse) -> Iterator[Analyses]:
    yield from analyses_of(demo_warehouse)


@pytest.mark.parametrize("name", NAMES)
def test_an_analysis_has_an_answer(analyses: Analyses, name: str) -> None:
    answer = analyses.answer(name)

    assert 0 < len(answer.rows) <= MOST_ROWS
    empty = [column for column in answer.columns if all(value is None for value in answer.values(column))]
    assert empty == []
    for column in answer.columns:
        if column.endswith(("_share", "_rate")) or column == "share":
            outside = [value for value in answer.values(column) if value is not None and not 0 <= value <= 1 + 1e-9]
            assert outside == [], column


@pytest.mark.parametrize("name", NAMES)
def test_an_analysis_gives_the_same_rows_in_the_same_order(analyses: Analyses, name: str) -> None:
    analyses.connection.execute("set threads = 1")
    once = analyses.answer(name)
    analyses.connection.execute("reset threads")
    again = analyses.answer(name)

    assert len(once.rows) == len(again.rows)
    for row, same_row in zip(once.rows, again.rows, strict=True):
        for value, same_value in zip(row, same_row, strict=True):
            if isinstance(value, float) and isinstance(same_value, float):
                # The order in which floats are added is not fixed.
                assert math.isclose(value, same_value, rel_tol=1e-9, abs_tol=1e-9)
            else:
                assert value == same_value


@pytest.mark.parametrize(("name", "column"), [(name, column) for name in WHOLES for column in WHOLES[name]])
def test_shares_sum_to_one(analyses: Analyses, name: str, column: str) -> None:
    sums: dict[tuple[Any, ...], float] = defaultdict(float)
    for record in analyses.answer(name).records():
        if record[column] is not None:
            sums[tuple(record[key] for key in WHOLES[name][column])] += record[column]

    assert sums
    assert list(sums.values()) == pytest.approx([1] * len(sums))


@pytest.mark.parametrize("name", NAMES)
def test_an_analysis_reads_marts_only(analyses: Analyses, name: str) -> None:
    assert analyses.schemas_read(name) == {"main"}


@pytest.mark.parametrize("name", NAMES)
def test_an_analysis_says_what_it_asks_who_asks_and_how_to_read_it(analyses: Analyses, name: str) -> None:
    lines = (PROJECT / "analyses" / f"{name}.sql").read_text().splitlines()

    assert lines[0].startswith("-- ")
    assert lines[0].endswith("?")
    assert any(line.startswith("-- Asked by: ") for line in lines)
    assert any(line.startswith("-- How to read it: ") for line in lines)
    assert analyses.manifest["nodes"][f"analysis.lifthouse.{name}"]["description"]


def test_both_ways_to_share_credit_give_out_the_same_revenue(analyses: Analyses) -> None:
    answer = analyses.answer("attribution_by_impression_number")

    assert sum(answer.values("last_touch_revenue")) == pytest.approx(sum(answer.values("time_decay_revenue")))
    assert sum(answer.values("last_touch_clicks")) == pytest.approx(sum(answer.values("time_decay_clicks")))


def test_all_users_bring_all_revenue(analyses: Analyses) -> None:
    last = analyses.answer("revenue_concentration").records()[-1]

    assert (last["top_share"], last["revenue_share"]) == (1, pytest.approx(1))


def test_the_funnel_only_narrows(analyses: Analyses) -> None:
    for record in analyses.answer("conversion_funnel_by_variant_and_device").records():
        if record["step_number"] == 1:
            assert record["step_rate"] is None
            assert record["funnel_rate"] == 1
        else:
            assert record["step_rate"] <= 1
