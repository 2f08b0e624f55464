"""Marks lie inside of their drawing, wherever the numbers lie."""

import datetime
import re

import pytest

from lifthouse.report.charts import interval_scale, lines, ticks

DAYS = [datetime.date(2026, 3, 1) + datetime.timedelta(days=day) for day in range(6)]


def heights(path):
    return [float(height) for height in re.findall(r"[ML]\S+ (\S+)", path.replace("M", " M").replace("L", " L"))]


def test_intervals_share_a_scale_on_which_zero_is():
    scale = interval_scale([(0.02, 0.05, 0.08), (0.1, 0.2, 0.3)], 100)
    assert 0 < scale.at(0) < scale.at(0.05) < scale.at(0.2) < scale.at(0.3) < 100


def test_one_wide_interval_does_not_squeeze_the_others():
    scale = interval_scale([(0.02, 0.05, 0.08), (0.03, 0.06, 0.09), (-40.0, 0.1, 40.0)], 100)
    assert scale.at(0.08) - scale.at(0.02) > 5
    assert not scale.holds(40.0)
    assert scale.at(40.0) == 100


@pytest.mark.parametrize("intervals", [[], [(None, None, None)], [(0.0, 0.0, 0.0)]])
def test_without_width_there_is_a_scale_all_the_same(intervals):
    assert interval_scale(intervals, 100).at(0) == 50


def test_lines_leave_a_gap_where_nothing_is_known():
    chart = lines(DAYS, [1.0, 2.0, None, 3.0, 4.0, 5.0])
    assert chart.line.count("M") == 2
    assert chart.band == ""
    assert [text for _, text in chart.dates] == ["01 Mar", "04 Mar", "06 Mar"]
    ends = re.findall(r"(\S+) (\S+)", chart.line.replace("M", "").replace("L", ""))
    assert all(0 <= float(x) <= chart.width and 0 <= float(y) <= chart.height for x, y in ends)


def test_a_band_is_drawn_there_and_back():
    chart = lines(DAYS, [0.1] * 6, [-9.0, 0.0, 0.0, 0.05, 0.05, 0.05], [9.0, 0.2, 0.2, 0.15, 0.15, 0.15])
    assert chart.band.endswith(" Z")
    assert chart.band.count("L") == 11
    assert all(0 <= height <= chart.height for height in heights(chart.band.removesuffix(" Z")))
    assert 0 < chart.zero < chart.height


@pytest.mark.parametrize("values", [[], [1.0], [None, None, 1.0, None, None, None]])
def test_a_single_value_is_no_line(values):
    assert lines(DAYS[: len(values)], values) is None


def test_constant_values_are_a_line():
    assert len(set(heights(lines(DAYS, [0.0] * 6).line))) == 1


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 1.0), (-3e6, 1e7), (0.0821, 0.0824), (-1e-9, 1e-9)])
def test_ticks_are_few_and_inside(lower, upper):
    found = ticks(lower, upper)
    assert 2 <= len(found) <= 7
    assert all(lower <= tick <= upper for tick in found)
    assert found == sorted(set(found))
