"""What a good pandas user writes for sessions and stitching, from files to files; pandas_peer runs it.

In full it makes the tables that lifthouse makes: events without repeats, unusable rows with their reason, sessions, the
credits of conversions by last touch and by time decay, impressions with their outcomes. With `--last-touch-only` it
makes sessions and impressions with their last touches, and nothing else. Either way it keeps nothing for the next day.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TIMEOUT = pd.Timedelta(minutes=30)
WINDOW = pd.Timedelta(minutes=60)
HALF_LIFE = pd.Timedelta(minutes=30)
NAMES = ["user_id", "event_type", "item_id", "device"]
NEEDED = ["event_id", "occurred_at", "loaded_at", "revenue", *NAMES]
ROLES = {"click": "count_clicks", "add_to_cart": "count_carts", "purchase": "count_purchases"}
PAIR = ["user_id", "item_id"]


def read_events(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Events as loaded; names stay dictionary-encoded: sorting and joining compare integers."""
    return pd.read_parquet(folder / "events", columns=columns, read_dictionary=NAMES)


def reasons_against(events: pd.DataFrame) -> pd.Series:
    """Why a row can't be used, null where it can; a revenue that is not a number is no revenue to pandas."""
    checks = {
        "event_id is null": events["event_id"].isna(),
        "user_id is null": events["user_id"].isna(),
        "event_type is null": events["event_type"].isna(),
        "occurred_at is unreadable or before 2000": ~(events["occurred_at"] >= "2000-01-01"),
        "occurred_at is a day after loaded_at": ~(events["loaded_at"] - events["occurred_at"] >= pd.Timedelta(days=-1)),
        "revenue is not finite": events["revenue"].isin([float("inf"), float("-inf")]),
        "revenue of a purchase is negative": (events["revenue"] < 0) & (events["event_type"] == "purchase"),
    }
    codes = np.full(len(events), -1, dtype=np.int8)
    for code, fails in enumerate(checks.values()):
        codes[(codes < 0) & fails.to_numpy()] = code
    return pd.Series(pd.Categorical.from_codes(codes, categories=list(checks)), index=events.index)


def add_sessions(events: pd.DataFrame) -> pd.DataFrame:
    """Events in order of user and time, with a running session number."""
    events = events.sort_values(["user_id", "occurred_at"], ignore_index=True)
    starts = (events["user_id"] != events["user_id"].shift()) | (events["occurred_at"].diff() > TIMEOUT)
    events["session_id"] = starts.cumsum()
    return events


def sessions_of(events: pd.DataFrame) -> pd.DataFrame:
    """One row per session."""
    for event_type, count in {"impression": "count_impressions", **ROLES}.items():
        events[count] = events["event_type"] == event_type
    sessions = events.groupby("session_id").agg(
        user_id=("user_id", "first"),
        entry_event_type=("event_type", "first"),
        exit_event_type=("event_type", "last"),
        device=("device", "first"),
        count_events=("event_id", "size"),
        count_impressions=("count_impressions", "sum"),
        **{count: (count, "sum") for count in ROLES.values()},
        revenue=("revenue", "sum"),
        started_at=("occurred_at", "first"),
        ended_at=("occurred_at", "last"),
    )
    sessions["duration_seconds"] = (sessions["ended_at"] - sessions["started_at"]).dt.total_seconds()
    return sessions


def impressions_of(events: pd.DataFrame) -> pd.DataFrame:
    """One row per impression of an item, in order of time."""
    columns = ["event_id", "session_id", *PAIR, "occurred_at", "device"]
    impressions = events.loc[events["item_id"].notna() & (events["event_type"] == "impression"), columns]
    return impressions.rename(columns={"event_id": "impression_id"}).sort_values("occurred_at")


def conversions_of(events: pd.DataFrame) -> pd.DataFrame:
    """One row per click, cart or purchase of an item, in order of time."""
    columns = ["event_id", *PAIR, "occurred_at", "event_type", "revenue"]
    conversions = events.loc[events["item_id"].notna() & events["event_type"].isin(ROLES), columns]
    return conversions.rename(columns={"event_id": "conversion_id"}).sort_values("occurred_at")


def last_touches(conversions: pd.DataFrame, impressions: pd.DataFrame) -> pd.DataFrame:
    """Each conversion with its latest impression inside the window."""
    touches = impressions[[*PAIR, "occurred_at", "impression_id"]]
    credited = pd.merge_asof(conversions, touches, on="occurred_at", by=PAIR, tolerance=WINDOW)
    return credited.dropna(subset="impression_id").assign(last_touch_credit=1.0)


def all_touches(conversions: pd.DataFrame, impressions: pd.DataFrame) -> pd.DataFrame:
    """Each conversion with every impression inside the window, and its credit by last touch and by time decay.

    A user's impressions of an item are numbered, so that those inside a window are a range between two look-ups.
    """
    touches = impressions[[*PAIR, "occurred_at", "impression_id"]].assign(
        touch=impressions.groupby(PAIR, observed=True).cumcount() + 1
    )
    numbers = touches[[*PAIR, "occurred_at", "touch"]]
    ranges = pd.merge_asof(conversions, numbers, on="occurred_at", by=PAIR, tolerance=WINDOW).dropna(subset="touch")
    ranges = ranges.rename(columns={"touch": "last_touch"}).assign(window_started_at=ranges["occurred_at"] - WINDOW)
    before = numbers.rename(columns={"occurred_at": "window_started_at", "touch": "touch_before"})
    ranges = pd.merge_asof(ranges, before, on="window_started_at", by=PAIR, allow_exact_matches=False)
    first = ranges["touch_before"].fillna(0).astype(int) + 1
    count = ranges["last_touch"].astype(int) - first + 1
    pairs = ranges.loc[ranges.index.repeat(count)]
    pairs["touch"] = first.loc[pairs.index] + pairs.groupby(level=0).cumcount()
    touches = touches.rename(columns={"occurred_at": "impressed_at"})
    pairs = pairs.reset_index(drop=True).merge(touches, on=[*PAIR, "touch"])
    pairs["last_touch_credit"] = (pairs["touch"] == pairs["last_touch"]).astype(float)
    weight = np.exp2((pairs["impressed_at"] - pairs["occurred_at"]) / HALF_LIFE)
    pairs["time_decay_credit"] = weight / weight.groupby(pairs["conversion_id"]).transform("sum")
    return pairs.drop(columns=["touch", "last_touch", "touch_before", "window_started_at"])


def with_outcomes(impressions: pd.DataFrame, credited: pd.DataFrame) -> pd.DataFrame:
    """Impressions with the credit each has of clicks, carts, purchases and revenue, by each rule."""
    rules = {"last_touch_credit": "count", "time_decay_credit": "decayed"}
    outcomes: dict[str, pd.Series] = {}
    for credit, prefix in rules.items():
        if credit not in credited:
            continue
        for event_type, count in ROLES.items():
            outcomes[count.replace("count", prefix)] = credited[credit].where(credited["event_type"] == event_type, 0)
        outcomes[f"{prefix}_revenue"] = credited["revenue"].fillna(0) * credited[credit]
    summed = pd.DataFrame(outcomes).groupby(credited["impression_id"]).sum()
    return impressions.join(summed, on="impression_id").fillna(dict.fromkeys(summed.columns, 0))


def main(folder: Path, output: Path, last_touch_only: bool) -> None:
    """Write the tables and print what they hold."""
    output.mkdir(parents=True, exist_ok=True)
    events = read_events(folder, NEEDED if last_touch_only else None)
    reasons = reasons_against(events)
    rejected = reasons.notna()
    if not last_touch_only:
        events[rejected].assign(reason=reasons[rejected]).to_parquet(output / "unusable.parquet")
    events = events[~rejected].drop_duplicates("event_id")
    if last_touch_only:
        events = events.drop(columns="loaded_at")
    else:
        events.to_parquet(output / "events.parquet")
    events = add_sessions(events)
    impressions, conversions = impressions_of(events), conversions_of(events)
    credited = (last_touches if last_touch_only else all_touches)(conversions, impressions)
    if not last_touch_only:
        credited.to_parquet(output / "credits.parquet")
    impressions = with_outcomes(impressions, credited)
    impressions.to_parquet(output / "impressions.parquet")
    sessions = sessions_of(events)
    sessions.to_parquet(output / "sessions.parquet")
    totals = {
        "sessions": len(sessions),
        "impressions": len(impressions),
        "clicks": int(impressions["count_clicks"].sum()),
    }
    if not last_touch_only:
        totals["decayed_clicks"] = round(float(impressions["decayed_clicks"].sum()))
    print(json.dumps(totals))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--last-touch-only" in sys.argv[3:])
