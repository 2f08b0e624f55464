"""What dbt left of a small project: names of every kind, inputs at odd places, versions, Python."""

import json

import duckdb
import pytest

from lifthouse.lineage.origins import Column
from lifthouse.lineage.project import read_lineage

INPUTS = ("items", "users")


def node(kind, name, reads=(), language="sql", database="Shop", **config):
    return {
        "resource_type": kind,
        "name": name,
        "alias": name,
        "database": database,
        "schema": "main",
        "language": language,
        "package_name": "small",
        "original_file_path": f"models/{name}.sql",
        "depends_on": {"nodes": list(reads)},
        "config": config,
    }


@pytest.fixture
def lineage(tmp_path):
    """A warehouse whose name has a capital, of two inputs: one lies below a folder that is called like the other."""
    items, people = "read_csv('/home/users/shop/items.csv')", "Raw.people"
    queries = {
        "stg_items": f"select r.\"Price\" as price from {items} as r where r.item_id > ''",
        "stg_users": f'select r."user_id", r."Émile" as "Émile", r."Plan Type" as "Plan Type" from {people} as r',
        "rejected": f"select r.item_id as key from {items} as r union all select r.user_id from {people} as r",
        "dim_users": 'select user_id, "Émile", "Plan Type" from "Shop"."main"."stg_users"',
        "pivoted": 'pivot "Shop"."main"."stg_items" on price using count(*)',
    }
    reads = {
        "stg_items": ["source.items"],
        "stg_users": ["source.users"],
        "rejected": ["source.items", "source.users"],
        "dim_users": ["model.stg_users"],
        "pivoted": ["model.stg_items"],
    }
    nodes = {f"model.{name}": node("model", name, reads[name]) for name in queries}
    nodes["model.scored"] = node("model", "scored", ["model.dim_users"], language="python")
    nodes["snapshot.kept"] = node(
        "snapshot", "kept", ["model.dim_users"], unique_key="user_id", check_cols=["Plan Type"]
    )
    sources = {f"source.{name}": node("source", name) for name in INPUTS}
    target = tmp_path / "target"
    (target / "compiled" / "small" / "models").mkdir(parents=True)
    (target / "manifest.json").write_text(json.dumps({"nodes": nodes, "sources": sources}))
    for name, sql in queries.items():
        (target / "compiled" / "small" / "models" / f"{name}.sql").write_text(sql)
    with duckdb.connect(tmp_path / "Shop.duckdb") as connection:
        for name, columns in {
            "stg_items": "price double",
            "stg_users": 'user_id varchar, "Émile" varchar, "Plan Type" varchar',
            "rejected": "key varchar",
            "dim_users": 'user_id varchar, "Émile" varchar, "Plan Type" varchar',
            "pivoted": '"1.0" bigint',
            "scored": "score double",
            "kept": 'user_id varchar, "Émile" varchar, "Plan Type" varchar, dbt_valid_from timestamp',
        }.items():
            connection.execute(f"create table {name} ({columns})")
    return read_lineage(target, tmp_path / "Shop.duckdb")


def upstream(lineage, table, column):
    return {found.table.name: (found.values, found.rows) for found in lineage.upstream(Column(table, column))}


def test_names_are_found_whatever_their_case(lineage):
    emile, plan = lineage.tables["dim_users"].columns[1:]
    assert plan == "plan type"
    assert upstream(lineage, "dim_users", emile)["users"] == ((emile,), ())
    assert upstream(lineage, "dim_users", "plan type")["users"] == (("plan type",), ())


def test_an_input_is_not_taken_for_the_folder_that_it_lies_in(lineage):
    assert upstream(lineage, "rejected", "key") == {
        "rejected": (("key",), ()),
        "items": (("item_id",), ()),
        "users": (("user_id",), ()),
    }
    assert upstream(lineage, "stg_items", "price")["items"] == (("price",), ("item_id",))


def test_a_snapshot_is_of_what_it_keeps_and_compares(lineage):
    emile = lineage.tables["kept"].columns[1]
    assert upstream(lineage, "kept", "dbt_valid_from")["dim_users"] == (("user_id", "plan type"), ())
    assert upstream(lineage, "kept", emile)["dim_users"] == ((emile,), ("user_id", "plan type"))
    assert lineage.tables["kept"].kind == "versions"


@pytest.mark.parametrize(
    ("table", "column", "kind", "read"),
    [("scored", "score", "Python", "dim_users"), ("pivoted", "1.0", "unread", "stg_items")],
)
def test_what_is_not_looked_into_is_of_all_that_is_read(lineage, table, column, kind, read):
    assert lineage.tables[table].kind == kind
    assert upstream(lineage, table, column)[read] == (lineage.tables[read].columns, ())
