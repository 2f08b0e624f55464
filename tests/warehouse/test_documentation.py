"""What is built is described: models and columns in YAML; tables, vars, analyses in docs; links lead on."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.conftest import PROJECT, Warehouse

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
DESCRIBED = {"model", "seed", "source", "analysis"}
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"(?m)^#+ (.+)$")


def unique_name(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.fixture(scope="module")
def manifest(demo_warehouse: Warehouse) -> dict[str, Any]:
    return json.loads((demo_warehouse.folder / "target" / "manifest.json").read_text())


@pytest.fixture(scope="module")
def nodes(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        node
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["package_name"] == "lifthouse" and node["resource_type"] in DESCRIBED
    ]


def test_everything_has_a_description(nodes: list[dict[str, Any]]) -> None:
    assert [node["unique_id"] for node in nodes if not node["description"].strip()] == []


def test_every_setting_of_a_python_model_reaches_it(nodes: list[dict[str, Any]]) -> None:
    # dbt hands on what it finds by reading the code, and finds no call that is part of an expression.
    configs = {node["name"]: node["config"] for node in nodes if node.get("language") == "python"}

    assert {name: set(config["meta"]) for name, config in configs.items()} == {
        name: set(config.get("meta_keys_used", [])) for name, config in configs.items()
    }


def test_every_declared_column_has_a_description(nodes: list[dict[str, Any]]) -> None:
    undescribed = [
        f"{node['unique_id']}.{column['name']}"
        for node in nodes
        for column in node["columns"].values()
        if not column["description"].strip()
    ]

    assert undescribed == []


def test_no_description_is_cut_off_at_a_comma(nodes: list[dict[str, Any]]) -> None:
    # Between braces, what comes after a comma is a key of its own unless the text is in quotes.
    left_over = [
        f"{node['unique_id']}.{column['name']}: {key}"
        for node in nodes
        for column in node["columns"].values()
        for key, value in column.items()
        if value is None and key not in {"data_type", "quote", "granularity"}
    ]

    assert left_over == []


def test_every_column_of_a_mart_is_declared(demo_warehouse: Warehouse, nodes: list[dict[str, Any]]) -> None:
    built = demo_warehouse.query_published("select table_name, column_name from duckdb_columns() where not internal")
    declared = {
        (node["name"], column)
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] == "main"
        for column in node["columns"]
    }

    assert sorted(set(built) - declared) == []
    assert sorted(declared - set(built)) == []


def test_every_described_table_has_its_place_in_the_overview(nodes: list[dict[str, Any]]) -> None:
    overview = (PROJECT / "docs" / "tables.md").read_text()
    tables = [node["name"] for node in nodes if node["resource_type"] in {"model", "seed", "source"}]

    assert [name for name in tables if f"`{name}`" not in overview] == []


def test_every_analysis_is_in_the_index(nodes: list[dict[str, Any]]) -> None:
    index = (PROJECT / "docs" / "README.md").read_text()

    analyses = [node["name"] for node in nodes if node["resource_type"] == "analysis"]
    assert [name for name in analyses if f"`{name}`" not in index] == []


def test_every_var_is_explained() -> None:
    project = (PROJECT / "dbt_project.yml").read_text()
    declared = re.findall(r"(?m)^  (\w+):", project.split("\nvars:\n")[1])
    explained = (PROJECT / "docs" / "operations.md").read_text()

    assert declared
    assert [name for name in declared if f"| `{name}` |" not in explained] == []


def test_every_environment_variable_is_explained() -> None:
    read = set()
    for path in [PROJECT / "profiles.yml", PROJECT / "Makefile", *(PROJECT / "src").rglob("*.py")]:
        read |= set(re.findall(r"LIFTHOUSE_[A-Z_]+", path.read_text()))
    explained = (PROJECT / "docs" / "operations.md").read_text()

    assert sorted(name for name in read if f"`{name}`" not in explained) == []


@pytest.mark.parametrize("page", PAGES, ids=unique_name)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text())

    assert [path for path, _ in links if not (page.parent / path).exists()] == []
    assert [
        f"{path}#{anchor}"
        for path, anchor in links
        if anchor and anchor not in anchors((page.parent / path) if path else page)
    ] == []


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}
