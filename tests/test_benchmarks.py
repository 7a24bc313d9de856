"""The benchmarks at sizes that take seconds: that they run, and judge and tell what they found. No number is judged."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from benchmarks.budgets import budgets
from benchmarks.contenders import CONTENDERS
from benchmarks.measuring import cost_of
from benchmarks.options import QUICK, Options
from benchmarks.parts import commits, growth, requests, transfers
from benchmarks.peers import PEERS, ROOT
from benchmarks.report import rendered
from benchmarks.run import PAGE, PARTS, RESULTS, main
from benchmarks.tables import TABLES

TINY = replace(
    QUICK, mib=1, times=1, latency_ms=0, versions=(10, 40), synthetic=70, writers=(1, 2), saves=2, peers=False
)


def told(part: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part as a run keeps it."""
    around = {"command": "c", "date": "d", "machine": {"CPU": "m"}, "load": [0.1, 0.2], "minutes": 1}
    return {part: {**around, "found": json.loads(json.dumps(found))}}


def test_files_are_sent_and_fetched_in_a_folder_and_on_s3() -> None:
    found = transfers.measure(TINY, "file")

    page = rendered(told("files", found))
    assert {(row["where"], row["who"], row["act"]) for row in found["rows"]} == {
        (where, who, act)
        for where, other in (("folder", "cp"), ("s3", "obstore"))
        for who in (other, "ours_files")
        for act in ("save", "load")
    }
    assert "**A file of 1 MiB, on S3**" in page
    assert "1 MiB to S3, throughput" in page


def test_writers_are_counted_with_what_they_saved() -> None:
    found = commits.measure(replace(TINY, frameworks=False))

    assert [(row["done"], row["failed"]) for row in found["rows"]] == [(2, 0), (4, 0)] * 4
    assert "| 1 writer | 2 writers |" in rendered(told("commits", found))


def test_a_long_history_is_asked_what_a_short_one_is() -> None:
    found = growth.measure(TINY)

    alias = {
        row["versions"]: row["requests"]
        for row in found["rows"]
        if (row["act"], row["how"]) == ("load by alias", "cold")
    }
    assert alias == {10: 3, 40: 3, 70: 3}
    assert "| load by alias | **modelstore-pipelines**, cold |" in rendered(told("growth", found))


def test_each_verb_is_counted_and_held_to_its_budget() -> None:
    found = requests.measure(replace(TINY, frameworks=False))

    judged = {budget.name: budget for budget in budgets(told("requests", found))}
    assert judged["save, cold: requests / rounds"].measured == "9 / 4"
    assert judged["save, warm: requests / rounds"].met
    assert "| save | 9 + 2 | 4 |" in rendered(told("requests", found))


def test_an_act_costs_what_it_takes() -> None:
    cost = cost_of(lambda _: bytearray(64 << 20), 2)

    assert 64 << 20 <= cost.peak < 80 << 20
    assert cost.cpu > 0
    assert cost.wall > 0


@pytest.mark.parametrize(("rate", "met"), [(75, True), (74.9, False)])
def test_a_budget_is_met_or_said_to_be_missed(rate: float, met: bool) -> None:
    row = {
        "who": "ours_files",
        "where": "folder",
        "writers": 8,
        "per_second": rate,
        "done": 1,
        "cpu": 1.0,
        "failed": 0,
        "errors": {},
    }
    kept = told("commits", {"saves": 1, "rows": [row]})

    assert [budget.met for budget in budgets(kept)] == [met]
    assert ("| **no** |" in rendered(kept)) is not met


def test_a_part_that_was_not_run_says_so() -> None:
    assert rendered({}).count("Not measured.") == len(TABLES) == len(PARTS)


def test_the_page_is_made_from_the_numbers_that_were_kept() -> None:
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))

    assert set(kept) == set(PARTS)
    assert PAGE.read_text(encoding="utf-8") == rendered(kept)


def test_every_peer_has_an_environment_of_pinned_packages() -> None:
    environments = {contender.environment for contender in CONTENDERS.values()} - {"ours"}
    lists = {peer: (ROOT / f"benchmarks/peers/{peer}.txt").read_text(encoding="utf-8") for peer in PEERS}

    assert environments == set(PEERS)
    assert [peer for peer, lines in lists.items() if f"{peer}==" not in lines] == []


@pytest.mark.slow
@pytest.mark.timeout(1200)  # all parts, one after the other, with a server of Prefect's
@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning")  # Dagster's own
def test_a_quick_run_without_peers_prints_the_whole_page_and_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = PAGE.read_bytes() if PAGE.exists() else b""

    main(["--quick", "--no-peers", "--times", "1", "--mib", "8"])

    assert "Not measured." not in capsys.readouterr().out
    assert (PAGE.read_bytes() if PAGE.exists() else b"") == before


def test_sizes_can_be_chosen_for_a_full_run_and_a_quick_one() -> None:
    assert Options().mib == 1024
    assert QUICK.mib < 128
