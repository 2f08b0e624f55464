"""What is adjusted, and what is modelled unit by unit, is the same built day by day as built at once."""

from collections.abc import Callable

import duckdb

from tests.warehouse.conftest import WITHOUT_TESTS, Warehouse
from tests.warehouse.small_shop import write_input
from tests.warehouse.test_daily_runs import differences

# Everybody is in adaptive_ai; two thirds are in checkout_aa, and of the others some events come late. Who is productive
# adopts more and gains more. Cents make sums depend on their order.
USERS = """
    select
        'u' || number as user_id,
        number,
        ['north', 'south', 'east'][number % 7 % 3 + 1] as region,
        number * 37 % 101 / 100 as baseline_productivity,
        number * 61 % 89 / 89 as churn_risk,
        number * 53 % 97 / 97 < 0.25 + 0.5 * baseline_productivity as has_adopted,
        ['A_control', 'B_adaptive_v1', 'C_adaptive_v2'][number % 3 + 1] as version
    from range(360) as numbers (number)
"""
EVENTS = """
    select
        'e' || number || '-' || turn as event_id,
        user_id,
        if((number // 3 + turn) % 3 = 0, 'task', 'purchase') as event_type,
        timestamp '2026-02-22 10:00:00' + to_days(3 * turn) + to_minutes(number) as occurred_at,
        occurred_at + if(number >= 240 and turn = 5 and number % 5 = 0, interval 25 days, interval 1 hour) as loaded_at,
        if(event_type = 'purchase', 5.1 + number * turn * 17 % 230 / 100 + 9.7 * gains, null) as revenue
    from (
        select
            *,
            cast(turn > 4 and baseline_productivity > 0.4 and (has_adopted or version = 'C_adaptive_v2') as integer)
                as gains
        from ({users}) as users, range(15) as turns (turn)
    ) as turns
    where (number * 31 + turn * 17) % 11 < 3 + 3 * baseline_productivity + 3 * gains
"""
EXPOSURES = """
    select 'adaptive_ai' as experiment_id, version as variant_id, user_id, timestamp '2026-03-03 09:00:00' as exposed_at
    from ({users}) as users
    union all
    select
        'adaptive_ai_self_selected',
        if(has_adopted, 'adopted', 'not_adopted'),
        user_id,
        timestamp '2026-03-03 09:00:00' + to_days(number % 29)
    from ({users}) as users
    union all
    select 'checkout_aa', if(number // 3 % 2 = 0, 'control', 'treatment'), user_id, timestamp '2026-03-16 09:00:00'
    from ({users}) as users
    where number < 240
"""
# The first load has all of checkout_aa, the second nothing of it.
LOADS = ("2026-03-31", "2026-04-07")
MARTS = (
    *("propensity_scores", "covariate_balance", "treatment_effects", "refutations"),
    *("uplift_scores", "uplift_evaluation", "uplift_curves", "uplift_drivers", "uplift_segments", "targeting_policies"),
)
SETTINGS = {
    "causal_experiments": ["checkout_aa"],
    "causal_fitted_units": 300,
    "causal_refuted_units": 200,
    "uplift_metrics": [
        "adaptive_ai.revenue_per_user",
        "adaptive_ai_self_selected.revenue_per_user",
        "checkout_aa.sessions_per_user",
    ],
    "uplift_learners": ["t_learner", "linear_dr_learner"],
    "uplift_folds": 2,
    "uplift_fitted_units": 330,
}


FINGERPRINTS = """
    select experiment_id, fingerprint
    from intermediate.int_experiment_inputs
    where experiment_id in ('adaptive_ai', 'adaptive_ai_self_selected', 'checkout_aa')
"""


def build(warehouse: Warehouse, *arguments: str) -> None:
    selected = ("--select", *(f"+fct_{mart}" for mart in MARTS))
    warehouse.built(*selected, *WITHOUT_TESTS, *arguments, variables=SETTINGS)


def test_effects_of_daily_builds_equal_those_of_a_build_at_once(make_warehouse: Callable[[], Warehouse]) -> None:
    daily = make_warehouse()
    known = "user_id, region, baseline_productivity, churn_risk"
    write_input(daily.input_folder, {"users.parquet": f"select {known} from ({USERS})"})
    (daily.input_folder / "events").mkdir()
    events, exposures = EVENTS.format(users=USERS), EXPOSURES.format(users=USERS)
    built_of = []
    for before, day in zip(("2026-01-01", *LOADS), LOADS, strict=False):
        loaded = duckdb.sql(f"from ({events}) where loaded_at >= '{before}' and loaded_at < '{day}'")
        loaded.write_parquet(str(daily.input_folder / f"events/{day}.parquet"))
        exposed = duckdb.sql(f"from ({exposures}) where exposed_at < '{day}'")
        exposed.write_parquet(str(daily.input_folder / "exposures.parquet"))
        build(daily)
        built_of.append(set(daily.query(FINGERPRINTS)))
    at_once = daily.copy_to(daily.folder.with_name("at_once"))
    build(at_once, "--full-refresh")

    assert differences(daily, at_once) == {}
    assert [mart for mart in MARTS if not daily.query(f"from fct_{mart} limit 1")] == []
    assert [name for name, _ in set.intersection(*built_of)] == ["checkout_aa"]
