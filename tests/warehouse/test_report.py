"""The page of the demo says what the marts say, and needs nothing beside itself."""

import re
from pathlib import Path

import pytest

from lifthouse.cli import main
from lifthouse.report.numbers import amount, change
from tests.report.test_page import read
from tests.warehouse.conftest import Warehouse


@pytest.fixture(scope="module")
def written(demo_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(demo_warehouse, tmp_path_factory.mktemp("report") / "report.html")


def report(warehouse: Warehouse, out: Path, *experiments: str) -> str:
    assert main(["report", *experiments, "--marts", str(warehouse.published), "--out", str(out)]) == 0
    return out.read_text()


def words(html: str) -> str:
    return " ".join(" ".join(read(html).text).split())


def section(html: str, experiment: str) -> str:
    """The text about one experiment."""
    sections = html.split('<section class="experiment" id="')
    (found,) = [part for part in sections if part.startswith(f'{experiment}"')]
    return words(f'<section id="{found.partition("</section>")[0]}</section>')


def test_every_decision_and_effect_is_there(written: str, demo_warehouse: Warehouse) -> None:
    decisions = demo_warehouse.query_published(
        "select experiment_id, explanation, annual_impact from fct_experiment_decisions"
    )
    assert len(decisions) == 7
    for experiment, explanation, impact in decisions:
        told = section(written, experiment)
        assert " ".join(explanation.split()) in told
        assert impact is None or f"Worth {amount(impact)} a year" in told
    effects = demo_warehouse.query_published(
        "select experiment_id, metric_name, relative_effect, relative_ci_lower, relative_ci_upper "
        "from fct_experiment_verdicts where relative_effect is not null"
    )
    assert len(effects) > 20
    for experiment, metric, effect, lower, upper in effects:
        row = rf"{metric} .*{re.escape(change(effect))} {re.escape(change(lower))} to {re.escape(change(upper))}"
        assert re.search(row, section(written, experiment)), (experiment, metric)


def test_it_needs_nothing_beside_itself(written: str) -> None:
    reader = read(written)
    assert not {"src", "onload", "onclick"} & set(reader.attributes)
    assert all(target.startswith("#") and target[1:] in reader.attributes["id"] for target in reader.attributes["href"])
    assert "url(" not in written


def test_what_is_broken_comes_with_what_is_broken(written: str) -> None:
    told = section(written, "mobile_banner")
    assert "device = android is the most likely culprit" in told
    assert "withheld: the experiment is blocked" in told
    assert "Day by day" not in told


def test_the_same_marts_give_the_same_page(written: str, demo_warehouse: Warehouse, tmp_path: Path) -> None:
    assert report(demo_warehouse, tmp_path / "again.html") == written
    assert [path.name for path in tmp_path.iterdir()] == ["again.html"]


def test_shows_the_experiments_that_are_named(
    demo_warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = report(demo_warehouse, tmp_path / "one.html", "adaptive_ai")
    assert one.count('class="experiment"') == 1
    unknown = ["report", "adaptive", "--marts", str(demo_warehouse.published), "--out", str(tmp_path / "none.html")]
    assert main(unknown) == 2
    assert "adaptive: no such experiment; known are adaptive_ai, " in capsys.readouterr().err
    assert not (tmp_path / "none.html").exists()
