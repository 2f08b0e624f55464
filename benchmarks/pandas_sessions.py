"""What a good pandas user writes for sessions and last-touch stitching; pandas_peer runs it.

It does less than lifthouse: no quarantine, no time-decay credit, no tests, nothing kept for the next day.
"""

import json
import sys
from pathlib import Path

import pandas as pd

TIMEOUT = pd.Timedelta(minutes=30)
WINDOW = pd.Timedelta(minutes=60)
NAMES = ["user_id", "event_type", "item_id", "device"]
COLUMNS = ["event_id", "occurred_at", "loaded_at", "revenue", *NAMES]
ROLES = {"click": "count_clicks", "add_to_cart": "count_carts", "purchase": "count_purchases"}


def read_events(folder: Path) -> pd.DataFrame:
    """Usable events, each once; names stay dictionary-encoded: sorting and joining compare integers."""
    events = pd.read_parquet(folder / "events", columns=COLUMNS, read_dictionary=NAMES)
    delay = events["loaded_at"] - events["occurred_at"]
    bad_revenue = events["revenue"].isin([float("inf"), float("-inf")]) | (
        (events["revenue"] < 0) & (events["event_type"] == "purchase")
    )
    usable = (
        events[["event_id", "user_id", "event_type"]].notna().all(axis=1)
        & (events["occurred_at"] >= "2000-01-01")
        & (delay >= pd.Timedelta(days=-1))
        & ~bad_revenue
    )
    return events[usable].drop(columns="loaded_at").drop_duplicates("event_id")


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


def stitch(events: pd.DataFrame) -> pd.DataFrame:
    """One row per impression, with the clicks, carts and purchases for which it was the last touch."""
    events = events[events["item_id"].notna()].sort_values("occurred_at")
    columns = ["event_id", "session_id", "user_id", "item_id", "occurred_at"]
    impressions = events.loc[events["event_type"] == "impression", [*columns, "device"]]
    impressions = impressions.rename(columns={"event_id": "impression_id"})
    conversions = events.loc[
        events["event_type"].isin(ROLES), ["user_id", "item_id", "occurred_at", "event_type", "revenue"]
    ]
    credited = pd.merge_asof(
        conversions,
        impressions[["user_id", "item_id", "occurred_at", "impression_id"]],
        on="occurred_at",
        by=["user_id", "item_id"],
        tolerance=WINDOW,
    ).dropna(subset="impression_id")
    for event_type, count in ROLES.items():
        credited[count] = credited["event_type"] == event_type
    outcomes = credited.groupby("impression_id")[[*ROLES.values(), "revenue"]].sum()
    return impressions.join(outcomes, on="impression_id").fillna(dict.fromkeys(outcomes.columns, 0))


def main(folder: Path, output: Path) -> None:
    """Write both tables and print what they hold."""
    output.mkdir(parents=True, exist_ok=True)
    events = add_sessions(read_events(folder))
    impressions = stitch(events)
    impressions.to_parquet(output / "impressions.parquet")
    sessions = sessions_of(events)
    sessions.to_parquet(output / "sessions.parquet")
    clicks = int(impressions["count_clicks"].sum())
    print(json.dumps({"sessions": len(sessions), "impressions": len(impressions), "clicks": clicks}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
