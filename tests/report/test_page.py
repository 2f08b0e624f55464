"""The page of marts that are made by hand: names of every kind, and next to nothing to show."""

import datetime
from collections import defaultdict
from html.parser import HTMLParser

import duckdb
import pytest

from lifthouse.cli import main
from lifthouse.report.marts import Marts
from lifthouse.report.page import page

NOTHING = {"days": [], "funnels": [], "retention": [], "quarantined": [], "warnings": []}


class Balanced(HTMLParser):
    """Reads a page whose tags must all be closed in turn."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = []
        self.attributes = defaultdict(list)

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            self.attributes[name].append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(written):
    reader = Balanced()
    reader.feed(written)
    reader.close()
    assert reader.open == []
    return reader


def decision(name="x", **changes):
    return {
        "experiment_id": name,
        "decision": "hold",
        "rule": "undecided",
        "explanation": "no primary metric has a result yet",
        "treatment_variant_id": "b",
        "annual_impact": None,
        "annual_impact_ci_lower": None,
        "annual_impact_ci_upper": None,
        "days_saved": None,
        "could_stop_on": None,
        "as_of_date": None,
        "description": None,
        "assignment": "randomised",
        "status": "running",
        "started_at": datetime.datetime(2026, 3, 1),
        "ended_at": None,
        **changes,
    }


def verdict(**changes):
    return {
        "metric_name": "ctr",
        "role": "primary",
        "treatment_variant_id": "b",
        "reason": None,
        "relative_reason": None,
        "mean_control": 0.1,
        "mean_treatment": 0.11,
        "absolute_effect": 0.01,
        "absolute_ci_lower": 0.002,
        "absolute_ci_upper": 0.018,
        "relative_effect": 0.1,
        "relative_ci_lower": 0.02,
        "relative_ci_upper": 0.18,
        "p_value": 0.012,
        "p_value_adjusted": None,
        "verdict": "better",
        **changes,
    }


def test_without_experiments_and_events_there_is_a_page_all_the_same():
    text = " ".join(read(page(Marts([], {}, NOTHING))).text)
    assert "No experiment is registered yet." in text
    assert "There are no events" in text


def test_an_experiment_that_nobody_was_in_is_shown():
    marts = Marts([decision()], {"x": {"arms": [], "checks": [], "verdicts": []}}, NOTHING)
    assert "no primary metric has a result yet." in " ".join(read(page(marts)).text)


def test_names_are_text_whatever_they_are():
    name = "<script>alert('x')</script> & \"co\""
    marts = Marts(
        [decision(name, description=name, explanation=name)], {name: {"verdicts": [verdict(metric_name=name)]}}, NOTHING
    )
    written = page(marts)
    reader = read(written)
    assert "<script" not in written
    assert sum(name in piece for piece in reader.text) >= 4
    assert name in reader.attributes["id"]


def test_a_reason_stands_in_place_of_numbers():
    rows = [
        verdict(reason="blocked: sample_ratio: shares are not as meant", verdict="no_estimate"),
        verdict(metric_name="revenue", reason="too_few_units", verdict="no_estimate"),
        verdict(
            metric_name="refunds",
            relative_effect=None,
            relative_ci_lower=None,
            relative_ci_upper=None,
            relative_reason="control_not_distinct_from_zero",
        ),
    ]
    reader = read(page(Marts([decision()], {"x": {"verdicts": rows}}, NOTHING)))
    text = " ".join(reader.text)
    assert "withheld: the experiment is blocked" in text
    assert "too few units" in text
    assert "0.002 to 0.018, absolute" in text
    assert "control not distinct from zero" in reader.attributes["title"]


def test_what_is_missing_is_told(tmp_path, capsys):
    assert main(["report", "--marts", str(tmp_path / "marts.duckdb")]) == 2
    assert "does not exist: build a warehouse first" in capsys.readouterr().err
    with duckdb.connect(tmp_path / "marts.duckdb") as connection:
        connection.execute("create table other as select 1 as one")
    assert main(["report", "--marts", str(tmp_path / "marts.duckdb")]) == 2
    assert "fct_experiment_decisions" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("interval", [(0.02, 0.1, 0.18), (-0.02, 0.0, 0.02)])
def test_an_interval_says_what_it_draws(interval):
    lower, at, upper = interval
    row = verdict(relative_ci_lower=lower, relative_effect=at, relative_ci_upper=upper)
    reader = read(page(Marts([decision()], {"x": {"verdicts": [row]}}, NOTHING)))
    assert f"{lower:+.1%} to {upper:+.1%}" in reader.attributes["aria-label"]
    assert ("point sure" in reader.attributes["class"]) == (lower > 0)
