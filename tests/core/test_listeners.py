"""What installed packages are told after a commit, in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

_LISTENERS = """
import json, os, threading

def note(event, url):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps([event.id, event.kind, event.number, event.alias, url]) + "\\n")

def fail(event, url):
    raise ValueError("no such channel")

def hang(event, url):
    threading.Event().wait()
"""

_VERBS = """
import sys
from modelstore_core import ModelStore
store = ModelStore(sys.argv[1], actor="ada")
store.save(__import__("pathlib").Path(__file__), "m", aliases=["candidate"], key="once")
store.save(__import__("pathlib").Path(__file__), "m", key="once")
store.promote("m@1", "champion")
store.copy("m@1", to=sys.argv[1] + "-copy")
print(store.get("m@champion").number)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages, with one that listens by whatever its entry points say."""
    site = tmp_path / "site"
    info = site / "chatty-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "chatty.py").write_text(_LISTENERS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatty\nVersion: 1.0\n")
    return site


def run(site: Path, listeners: Mapping[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    lines = [f"{name} = {value}" for name, value in listeners.items()]
    entry_points = "\n".join(["[modelstore.listeners]", *lines, ""])
    (site / "chatty-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    script = tmp_path / "verbs.py"
    script.write_text(_VERBS)
    paths = os.pathsep.join([str(site), *filter(None, sys.path)])
    env = {**os.environ, "PYTHONPATH": paths, "NOTES": str(tmp_path / "notes")}
    command = [sys.executable, str(script), str(tmp_path / "store")]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=100, env=env)


def notes(tmp_path: Path) -> list[Any]:
    return [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]


def test_a_listener_hears_of_each_commit_of_the_process_once_and_in_order(site: Path, tmp_path: Path) -> None:
    assert run(site, {"note": "chatty:note"}, tmp_path).stdout == "1\n"

    url = str(tmp_path / "store")
    assert notes(tmp_path) == [
        ["m:1", "version.created", 1, None, url],
        ["m:1:1", "alias.moved", 1, "candidate", url],
        ["m:2", "alias.moved", 1, "champion", url],
        ["m:1", "version.created", 1, None, f"{url}-copy"],
    ]


def test_one_that_fails_or_cannot_be_loaded_is_logged_and_keeps_neither_the_verb_nor_the_others_from_working(
    site: Path, tmp_path: Path
) -> None:
    ran = run(site, {"bad": "chatty:fail", "gone": "chatty:nothing", "note": "chatty:note"}, tmp_path)

    assert ran.stdout == "1\n"
    assert "The listener 'bad' failed on m:2." in ran.stderr
    assert "ValueError: no such channel" in ran.stderr
    assert "The listener 'gone' could not be loaded." in ran.stderr
    assert len(notes(tmp_path)) == 4


def test_one_that_hangs_keeps_neither_the_verbs_nor_the_process_from_ending(site: Path, tmp_path: Path) -> None:
    assert run(site, {"hang": "chatty:hang"}, tmp_path).stdout == "1\n"


def test_without_listeners_nothing_is_said(site: Path, tmp_path: Path) -> None:
    ran = run(site, {}, tmp_path)

    assert (ran.stdout, ran.stderr) == ("1\n", "")
