"""A run computes experiments and units whose inputs have changed, and leaves alone what it knows of all others."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import PROJECT, WITHOUT_TESTS, WITHOUT_UPLIFT, Warehouse
from tests.warehouse.registry_files import copied_registry
from tests.warehouse.small_shop import write_input

# Users of even numbers are in checkout_aa, the others in search_ramp. Both are from 16 to 30 March, and what is known
# goes further than any metric looks.
EVENTS = """
    select
        'e' || user_number || '-' || event_number as event_id,
        'u' || user_number as user_id,
        ['impression', 'click', 'add_to_cart', 'purchase'][event_number % 4 + 1] as event_type,
        timestamp '2026-03-17 10:00:00' + to_minutes(user_number + event_number) + to_days(event_number // 4)
            as occurred_at,
        occurred_at + interval 1 hour as loaded_at,
        'lamp' as item_id,
        if(event_type = 'purchase', 10.0 + user_number % 7, null) as revenue,
        'phone' as device
    from range(80) as users (user_number), range(12) as events (event_number)
    union all
    select
        'last', 'nobody', 'click', timestamp '2026-05-01 10:00:00', timestamp '2026-05-01 11:00:00',
        'lamp', null, 'phone'
"""
EXPOSURES = """
    select
        if(user_number % 2 = 0, 'checkout_aa', 'search_ramp') as experiment_id,
        if(user_number % 4 < 2, 'control', 'treatment') as variant_id,
        'u' || user_number as user_id,
        timestamp '2026-03-17 09:00:00' as exposed_at
    from range(80) as users (user_number)
"""
# A user of the first did something in its days, which is known late; one of the second when all was over.
NEWS = """
    select
        *,
        timestamp '2026-05-02 00:00:00' as loaded_at,
        'purchase' as event_type,
        'lamp' as item_id,
        'phone' as device
    from (
        values
        ('late', 'u2', timestamp '2026-03-18 12:00:00', 64.0),
        ('after', 'u3', timestamp '2026-04-20 12:00:00', 32.0)
    ) as events (event_id, user_id, occurred_at, revenue)
"""
TABLES = (
    "int_unit_days",
    "int_unit_states",
    "int_metric_moments",
    "int_experiment_effects",
    "int_experiment_posteriors",
)
SCORED = "select distinct experiment_id from intermediate.int_propensity_scores"
EFFECTS = """
    select
        experiment_id, metric_name, dimension, segment, variance_reduction, inference, as_of_date, reason,
        round(mean_control, 9), round(mean_treatment, 9), round(absolute_effect, 9), round(standard_error, 9)
    from intermediate.int_experiment_effects
    order by all
"""


def build(warehouse: Warehouse, *arguments: str) -> None:
    """`dbt build` of effects, posteriors and scores, without tests, which would miss the rows that were taken away."""
    chosen = ("--select", "+int_experiment_effects", "+int_experiment_posteriors", "+int_propensity_scores")
    settings = {**WITHOUT_UPLIFT, "causal_experiments": ["checkout_aa"]}
    warehouse.built(*chosen, *WITHOUT_TESTS, *arguments, variables=settings)


@pytest.fixture(scope="module")
def built_once(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """Both experiments, built in full."""
    warehouse = make_warehouse()
    write_input(warehouse.input_folder, {"events/1.parquet": EVENTS, "exposures.parquet": EXPOSURES})
    build(warehouse)
    return warehouse


@pytest.fixture
def warehouse(built_once: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of it. The input stays where it is: another folder would be another setting."""
    return built_once.copy_to(tmp_path / "warehouse")


def empty(warehouse: Warehouse, experiments: str = "%") -> None:
    """Take the rows of experiments away, so that those that come back are those a run has computed."""
    with duckdb.connect(str(warehouse.path)) as connection:
        for table in TABLES:
            connection.execute(f"delete from intermediate.{table} where experiment_id like '{experiments}'")


def computed(warehouse: Warehouse) -> dict[str, set[str]]:
    """Experiments that have rows, by table."""
    return {
        table: {name for (name,) in warehouse.query(f"select distinct experiment_id from intermediate.{table}")}
        for table in TABLES
    }


def of_all(*experiments: str) -> dict[str, set[str]]:
    return {table: set(experiments) for table in TABLES}


def test_all_is_computed_at_first_and_nothing_without_news(warehouse: Warehouse) -> None:
    assert computed(warehouse) == of_all("checkout_aa", "search_ramp")
    assert warehouse.query(SCORED) == [("checkout_aa",)]
    empty(warehouse)

    build(warehouse)

    assert computed(warehouse) == of_all()
    assert warehouse.query(SCORED) == [("checkout_aa",)]
    assert warehouse.query("select table_name from duckdb_tables() where table_name like '%dbt_tmp%'") == []


def test_late_events_compute_the_experiments_they_belong_to(warehouse: Warehouse) -> None:
    empty(warehouse)
    with news_in(warehouse):
        build(warehouse)

    assert computed(warehouse) == of_all("checkout_aa")


@contextmanager
def news_in(warehouse: Warehouse) -> Iterator[None]:
    """The input with its news, as long as it lasts."""
    news = warehouse.input_folder / "events" / "2.parquet"
    duckdb.sql(NEWS).write_parquet(str(news))
    try:
        yield
    finally:
        news.unlink()


@pytest.fixture(scope="module")
def with_news_at_once(built_once: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """What a build in full makes of the input with its news."""
    warehouse = built_once.copy_to(tmp_path_factory.mktemp("at_once") / "warehouse")
    with news_in(warehouse):
        build(warehouse, "--full-refresh")
    return warehouse


REVENUES = """
    select unit_id, sum(revenue_per_user__numerator)
    from intermediate.int_unit_days
    where unit_id in ('u2', 'u3', 'u4')
    group by unit_id
    order by unit_id
"""


def test_late_events_compute_the_units_they_belong_to(warehouse: Warehouse, with_news_at_once: Warehouse) -> None:
    before = dict(warehouse.query(REVENUES))
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("update intermediate.int_unit_days set revenue_per_user__numerator = 1000")
    marked = dict(warehouse.query(REVENUES))

    with news_in(warehouse):
        build(warehouse)

    after = dict(warehouse.query(REVENUES))
    # The two others are in the same experiment, and in one that ended before what is known of them. Their marks stay,
    # and no other table reads them again.
    assert after == {"u2": before["u2"] + 64, "u3": marked["u3"], "u4": marked["u4"]}
    assert warehouse.query(EFFECTS) == with_news_at_once.query(EFFECTS)
    assert dict(with_news_at_once.query(REVENUES)) == {**before, "u2": before["u2"] + 64}


def test_units_that_come_and_go_are_followed(warehouse: Warehouse) -> None:
    exposures = warehouse.input_folder / "exposures.parquet"
    original = exposures.read_bytes()
    duckdb.sql(f"""
        select *
        from ({EXPOSURES}) as exposures
        where user_id != 'u2'
        union all
        select 'checkout_aa', 'control', 'u3', timestamp '2026-03-17 09:00:00'
    """).write_parquet(str(exposures))
    try:
        build(warehouse)
        by_units = warehouse.query(EFFECTS)
        chosen = "experiment_id = 'checkout_aa' and unit_id in ('u2', 'u3')"
        units = {
            table: set(warehouse.query(f"select unit_id from intermediate.{table} where {chosen}"))
            for table in ("int_unit_days", "int_unit_states", "int_unit_covariates")
        }
        build(warehouse, "--full-refresh")
        assert by_units == warehouse.query(EFFECTS)
    finally:
        exposures.write_bytes(original)

    assert units == {"int_unit_days": {("u3",)}, "int_unit_states": {("u3",)}, "int_unit_covariates": {("u3",)}}


def test_a_metric_that_no_experiment_had_asked_for_gets_its_columns(warehouse: Warehouse) -> None:
    registry = warehouse.input_folder / "registry"
    shutil.copytree(PROJECT / "seeds", registry)
    metrics = registry / "experiment_metrics.csv"
    whole = metrics.read_text()
    before = warehouse.query(EFFECTS)
    without = [row for row in whole.splitlines(keepends=True) if ",sessions_per_user," not in row]
    try:
        metrics.write_text("".join(without))
        build(warehouse)
        assert ("sessions_per_user",) not in warehouse.query("select metric_name from fct_metric_moments")

        metrics.write_text(whole)
        build(warehouse)
    finally:
        shutil.rmtree(registry)

    assert warehouse.query(EFFECTS) == before
    assert "sessions_per_user" in {row[1] for row in before}


def test_what_was_built_of_a_table_left_out_is_built_again(warehouse: Warehouse, with_news_at_once: Warehouse) -> None:
    with news_in(warehouse):
        chosen = ("int_unit_states", "int_metric_moments", "fct_metric_moments", "int_experiment_effects")
        run = warehouse.dbt("run", "--select", "+int_experiment_inputs", *chosen, variables=WITHOUT_UPLIFT)
        assert run.returncode == 0, run.output
        stale = warehouse.query(EFFECTS)

        build(warehouse)

    again = warehouse.query(EFFECTS)
    assert stale != again
    assert again == with_news_at_once.query(EFFECTS)


def test_what_was_built_without_a_model_further_up_is_built_again(warehouse: Warehouse) -> None:
    registry = copied_registry(warehouse.input_folder)
    experiments = registry / "experiments.csv"
    whole = experiments.read_text()

    def register(ended_at: str, status: str) -> None:
        """Write when checkout_aa ended, and what is known of search_ramp."""
        of_checkout, of_search = (
            next(row for row in whole.splitlines() if row.startswith(name)) for name in ("checkout_aa,", "search_ramp,")
        )
        registered = whole.replace(of_checkout, of_checkout.replace("2026-03-30 00:00:00", ended_at))
        experiments.write_text(registered.replace(of_search, of_search.replace(",completed,", f",{status},")))

    try:
        # When some are in the middle of a session, which both ends leave as it is.
        register("2026-03-18 10:40:00", "completed")
        build(warehouse)
        register("2026-03-18 10:41:00", "invalid")
        build(warehouse, "--exclude", "int_unit_inputs", "int_blocked_experiments")
        build(warehouse)
        again = warehouse.query(EFFECTS)
        build(warehouse, "--full-refresh")
    finally:
        shutil.rmtree(registry)

    assert again == warehouse.query(EFFECTS)


def test_an_interrupted_full_refresh_is_completed(warehouse: Warehouse) -> None:
    events = warehouse.input_folder / "events" / "1.parquet"
    original = events.read_bytes()
    duckdb.sql(f"select * replace (2 * revenue as revenue) from ({EVENTS}) as events").write_parquet(str(events))
    try:
        # As far as it came.
        build(warehouse, "--full-refresh", "--exclude", "int_unit_days+")
        build(warehouse)
        completed = warehouse.query(EFFECTS)
        build(warehouse, "--full-refresh")
    finally:
        events.write_bytes(original)

    assert completed == warehouse.query(EFFECTS)


def test_the_registry_is_an_input(warehouse: Warehouse) -> None:
    registry = warehouse.input_folder / "registry"
    shutil.copytree(PROJECT / "seeds", registry)
    empty(warehouse, "checkout_aa")
    try:
        build(warehouse)
        # The same experiments, in another place.
        assert computed(warehouse) == of_all("search_ramp")

        metrics = registry / "experiment_metrics.csv"
        metrics.write_text(metrics.read_text().replace("checkout_aa,ctr,primary", "checkout_aa,ctr,secondary"))
        for path in registry.glob("*.csv"):
            rows = [row for row in path.read_text().splitlines(keepends=True) if not row.startswith("search_ramp")]
            path.write_text("".join(rows))
        build(warehouse)
    finally:
        shutil.rmtree(registry)

    assert computed(warehouse) == of_all("checkout_aa")
