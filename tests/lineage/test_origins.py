"""What each construct of SQL hands on, on queries that fit a line or two."""

import pytest
from sqlglot.errors import SqlglotError

from lifthouse.lineage.origins import origins

SCHEMA = {"shop": {"main": {"orders": dict.fromkeys("abcd", ""), "users": dict.fromkeys("abxy", "")}}}
ORDERS, USERS = "shop.main.orders", "shop.main.users"


def found(sql: str) -> tuple[dict[str, str], str]:
    """Origins of each column and of the rows, such as "orders.a users.x"."""

    def written(columns):
        return " ".join(str(column).removeprefix("shop.main.") for column in sorted(columns))

    of = origins(sql, SCHEMA)
    return {name: written(columns) for name, columns in of.values.items()}, written(of.rows)


@pytest.mark.parametrize(
    ("sql", "values", "rows"),
    [
        (
            f"select a + b as sum, 1 as one, c from {ORDERS}",
            {"sum": "orders.a orders.b", "one": "", "c": "orders.c"},
            "",
        ),
        (f"select * exclude (a, b) from {ORDERS}", {"c": "orders.c", "d": "orders.d"}, ""),
        (
            f"select * exclude (a, b) replace (c + d as d) from {ORDERS}",
            {"c": "orders.c", "d": "orders.c orders.d"},
            "",
        ),
        (f"with t as (select a as z from {ORDERS} where b > 0) select z from t", {"z": "orders.a"}, "orders.b"),
        (
            f"with t as (select a from {ORDERS}), unused as (select a from {USERS} where x) select a from t",
            {"a": "orders.a"},
            "",
        ),
        (f"select x from {ORDERS} as o inner join {USERS} as u on o.a = u.b", {"x": "users.x"}, "orders.a users.b"),
        (
            f"select o.c from {ORDERS} as o asof join {USERS} as u on o.a = u.a and o.d >= u.y",
            {"c": "orders.c"},
            "orders.a orders.d users.a users.y",
        ),
        (f"select o.c from {ORDERS} as o semi join {USERS} as u on o.a = u.x", {"c": "orders.c"}, "orders.a users.x"),
        (f"select a, count(*) as n from {ORDERS} group by all", {"a": "orders.a", "n": ""}, "orders.a"),
        (f"select sum(b) as s from {ORDERS} group by c having max(d) > 0", {"s": "orders.b"}, "orders.c orders.d"),
        (f"select count(*) filter (where b) as n from {ORDERS}", {"n": "orders.b"}, ""),
        (f"select distinct a from {ORDERS}", {"a": "orders.a"}, "orders.a"),
        (f"select a from {ORDERS} order by b limit 1", {"a": "orders.a"}, "orders.a orders.b"),
        (f"select a from {ORDERS} order by b", {"a": "orders.a"}, ""),
        (f"(select a from {ORDERS} order by b limit 1)", {"a": "orders.a"}, "orders.a orders.b"),
        (
            f"select a from {ORDERS} qualify row_number() over (partition by b order by c) = 1",
            {"a": "orders.a"},
            "orders.b orders.c",
        ),
        (
            f"select lag(a) over (partition by b order by c) as before from {ORDERS}",
            {"before": "orders.a orders.b orders.c"},
            "",
        ),
        (f"select a from {ORDERS} union all select x from {USERS}", {"a": "orders.a users.x"}, ""),
        (
            f"select a, b from {ORDERS} union all by name select x as b, y as a from {USERS}",
            {"a": "orders.a users.y", "b": "orders.b users.x"},
            "",
        ),
        (
            f"(with t as (select a from {ORDERS} where b) select a from t) union all (select x from {USERS})",
            {"a": "orders.a users.x"},
            "orders.b",
        ),
        (f"select a from {ORDERS} except select x from {USERS}", {"a": "orders.a users.x"}, "orders.a users.x"),
        (
            f"select a from {ORDERS} where b in (select x from {USERS} where y)",
            {"a": "orders.a"},
            "orders.b users.x users.y",
        ),
        (
            f"select a from {ORDERS} as o where exists (select 1 from {USERS} as u where u.x = o.c)",
            {"a": "orders.a"},
            "orders.c users.x",
        ),
        (
            f"select a, (select max(x) from {USERS} where y) as m from {ORDERS}",
            {"a": "orders.a", "m": "users.x users.y"},
            "",
        ),
        (
            f"select list_transform(a, lambda e: e + b) as l, d.part as p from {ORDERS}",
            {"l": "orders.a orders.b", "p": "orders.d"},
            "",
        ),
        (f"select b, unnest(a) as one from {ORDERS}", {"b": "orders.b", "one": "orders.a"}, "orders.a"),
        (
            f"select o.b, r.i from {ORDERS} as o cross join (select unnest(o.a) as i) as r",
            {"b": "orders.b", "i": "orders.a"},
            "orders.a",
        ),
        (
            f"select o.b, l.z from {ORDERS} o, lateral (select o.a + u.x as z from {USERS} u where u.y = o.c) l",
            {"b": "orders.b", "z": "orders.a orders.c users.x users.y"},
            "orders.a orders.c users.x users.y",
        ),
        (f"(select a, b from {ORDERS}) order by b limit 3", {"a": "orders.a", "b": "orders.b"}, "orders.a orders.b"),
        (f"select a, b from {ORDERS} order by all offset 2", {"a": "orders.a", "b": "orders.b"}, "orders.a orders.b"),
        (f"select a from {ORDERS} limit (select max(x) from {USERS})", {"a": "orders.a"}, "orders.a users.x"),
        (f"select distinct on (a) c from {ORDERS} order by a, b", {"c": "orders.c"}, "orders.a orders.b orders.c"),
        (f"select first(a) as f from (select * from {ORDERS} order by b)", {"f": "orders.a"}, "orders.b"),
        (
            f"select (select max(x) from {USERS} u where u.a = o.b) as m, count(*) as n from {ORDERS} o group by all",
            {"m": "orders.b users.a users.x", "n": ""},
            "orders.b users.a users.x",
        ),
        (f"select p from {ORDERS} as o(p, q) where q > 1", {"p": "orders.*"}, "orders.*"),
        (f"select hash(o) as h from {ORDERS} as o", {"h": "orders.*"}, ""),
        (f"with t as (select a, b from {ORDERS}) select hash(t) as h from t", {"h": "orders.a orders.b"}, ""),
        ("select r.u as u from read_csv('f.csv') as r where r.v", {"u": "READ_CSV('f.csv').u"}, "READ_CSV('f.csv').v"),
    ],
)
def test_finds_what_values_and_rows_are_made_of(sql, values, rows):
    assert found(sql) == (values, rows)


@pytest.mark.parametrize(
    "sql",
    [
        "select from where",
        f"drop table {ORDERS}",
        "with recursive t as (select 1 as a) select a from t",
        f"select columns('a|b') from {ORDERS}",
        f"pivot {ORDERS} on a using sum(b)",
        f"select a, b from {ORDERS} union all select x, x from {USERS}",
        "select x from read_csv('a') as p inner join read_csv('b') as q on p.k = q.k",
    ],
)
def test_what_can_not_be_followed_is_an_error(sql):
    with pytest.raises(SqlglotError):
        origins(sql, SCHEMA)
