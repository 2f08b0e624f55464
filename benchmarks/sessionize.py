"""The sessions model against the least that ordering events costs: one lag over each user's events."""

from benchmarks.demo import CACHE, demo_data
from benchmarks.measure import Figure, alternate, say
from benchmarks.warehouse import fresh_warehouse

EVENTS = 20_000_000
_REPETITIONS = 5
_LAG = """
    select
        user_id,
        occurred_at,
        lag(occurred_at) over (partition by user_id order by occurred_at) as previous_at
    from staging.stg_events
"""


def measure(events: int) -> list[Figure]:
    """Time both over the same table."""
    warehouse = fresh_warehouse("sessionize", demo_data(events))
    warehouse.dbt("run", "--full-refresh", "--select", "+fct_sessions")
    compiled = CACHE / "target" / "compiled" / "lifthouse" / "models" / "marts" / "fct_sessions.sql"
    sessions = compiled.read_text()
    with warehouse.connect() as connection:

        def create(sql: str) -> None:
            connection.execute(f"create or replace table main.benchmark as {sql}")

        create(_LAG)  # the first to run would read the file for both
        model, lag = alternate(_REPETITIONS, lambda: create(sessions), lambda: create(_LAG))
    warehouse.drop()
    say(f"sessionize: fct_sessions {model:.2f} s, one lag {lag:.2f} s (medians of {_REPETITIONS})")
    name = f"{events:,} events: fct_sessions, times one lag"
    return [Figure("sessionize", name, f"{model / lag:.2f}", "<= 4")]
