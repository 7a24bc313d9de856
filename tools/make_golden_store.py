"""Write a golden store of the present format, once: a store that every later release must read.

Run: python tools/make_golden_store.py complete /srv/models, then move it to a folder of its own in tests/golden.

A golden store is never written again: what is new in a format gets another one beside it. `format-1` was made by the
first writers, whose documents had no sums and whose stores had no index; `format-1-complete` has all of format 1 but
rules, checks and approvals, which are in `format-1-governed`, and models that are described, deleted and renamed, which
are in `format-1-whole`.
"""

import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from modelstore_core import (
    Approved,
    AtLeast,
    AtMost,
    CheckPassed,
    GateRefused,
    HasTag,
    Improves,
    KeepsSignature,
    MinAge,
    ModelStore,
    Proved,
)
from modelstore_core.formats.trust import LISTED
from modelstore_core.maintenance.building import Builder
from modelstore_core.ports import Ports
from modelstore_core.storage.local import LocalStorage
from modelstore_core.store.handle import Handle, Settings
from modelstore_core.testing.faults import Fault, FaultKind, FaultyStorage, Script, SimulatedCrash

_START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Write the store that the command line names into the folder that it names."""
    ticks, tokens = count(), count(1)
    ports = Ports(now=lambda: _START + timedelta(seconds=next(ticks)), token=lambda: f"{next(tokens):032x}")
    settings = Settings(actor="ada", trust=LISTED, single_writer=False, patience=60)
    store = ModelStore.over(Handle(LocalStorage(Path(sys.argv[2])), settings, ports))
    with TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.bin"
        if sys.argv[1] == "governed":
            _govern(store, weights)
            return
        if sys.argv[1] == "whole":
            _whole(store, weights)
            return
        _fill(store, weights)
        _clean(store, weights)


def _fill(store: ModelStore, weights: Path) -> None:
    for number, auc in enumerate((0.7, 0.8, 0.9), start=1):
        weights.write_bytes(f"weights {number}\n".encode())
        store.save(
            weights,
            "risk.churn",
            metrics={"auc": auc},
            params={"depth": number, "layers": [1, 2]},
            tags={"team": "risk"},
            description=f"version {number}",
            lineage={"run": f"run-{number}"},
            key=f"run-{number}/train",
            aliases=["candidate"],
        )
    weights.write_bytes(b"weights 4\n")
    store.save(weights, "risk.churn", metrics={"auc": float("nan")}, key="run-3/train", attempt=1)
    store.promote("risk.churn@1", "champion", expect=None, reason="first")
    store.promote("risk.churn@2", "champion", gates=[AtLeast("auc", 0.75)], key="promote-2")
    try:
        store.promote("risk.churn@1", "champion", gates=[AtLeast("auc", 0.75)])
    except GateRefused:
        store.rollback("risk.churn", "champion", reason="as refused")
    for number in range(25):
        store.annotate("risk.churn@2", metrics={"checks": number}, tags={"note": f"check {number}"})
    store.delete("risk.churn@2", reason="leak")
    store.restore("risk.churn@2")
    store.delete("risk.churn@3", force=True)
    store.unalias("risk.churn", "champion")
    store.save(weights, "Ünïcode name")


def _clean(store: ModelStore, weights: Path) -> None:
    """Condemn, purge, copy and compact."""
    store.storage.put(f"models/risk.churn/data/{'f' * 32}/left.bin", b"of a save that crashed")
    time.sleep(0.1)  # what is of this very tick of the disk's clock is too young even for 0
    store.collect("risk.churn", older_than=0)
    weights.write_bytes(b"weights 5\n")
    store.save(weights, "risk.churn", aliases=["champion"], metrics={"auc": 0.95})
    store.copy("risk.churn@champion", store, name="risk.copy", aliases=["copied"])
    handle = store._handle  # noqa: SLF001 -- a store of this size would get no segment by itself
    view = handle.view("risk.churn")
    builder = Builder(view.journal)
    builder.take(view.entries())
    builder._cut(2)  # noqa: SLF001
    builder.store()
    view.journal.segments.put_index(builder.index(view.mark.seq, view.mark.op_id, view.require().sha256), view.mark.seq)
    store.annotate("risk.churn@1", tags={"after": "the index"})


def _govern(store: ModelStore, weights: Path) -> None:
    """Guard an alias by every rule there is, check, ask, vote, refuse and override."""
    for number, auc in enumerate((0.7, 0.8, 0.9), start=1):
        weights.write_bytes(f"weights {number}\n".encode())
        store.save(weights, "risk.churn", metrics={"auc": auc, "loss": 1 - auc}, tags={"team": "risk"})
    store.protect(
        "risk.churn",
        "champion",
        [
            AtLeast("auc", 0.75),
            AtMost("loss", 0.5),
            Improves("auc", 0.01, relative=True),
            KeepsSignature(compatible=True),
            HasTag("team", "risk"),
            CheckPassed("drift"),
            Proved(),
            MinAge(0.5),
            Approved(count=1, by=["ada"], not_by_author=False),
        ],
        reason="all of them",
    )
    with suppress(GateRefused):
        store.promote("risk.churn@3", "champion")
    rules = [AtLeast("auc", 0.75), CheckPassed("drift"), Approved()]
    store.protect("risk.churn", "champion", rules, reason="fewer")
    store.annotate("risk.churn@3", checks={"drift": False, "schema": (True, "as before")})
    store.annotate("risk.churn@3", checks={"drift": (True, "on March")}, metrics={"auc_march": 0.91})
    store.request_approval("risk.churn@3", "champion", comment="better on March")
    store.reject("risk.churn@3", "champion", comment="wait for April")
    store.approve("risk.churn@3", "champion")
    store.promote("risk.churn@3", "champion")
    store.promote("risk.churn@1", "champion", override=True, reason="3 crashes on empty rows")
    store.request_approval("risk.churn@2", "champion", comment="please")
    store.protect("risk.churn", "shadow", [Proved()])
    store.unprotect("risk.churn", "shadow", reason="no shadows")


def _whole(store: ModelStore, weights: Path) -> None:
    """Describe, delete and rename; two renames are cut short, before their instant and right after it."""
    for name in ("churn", "gone", "collected", "half", "late"):
        for number in (1, 2):
            weights.write_bytes(f"weights {number} of {name}\n".encode())
            store.save(weights, name, metrics={"auc": number / 10}, key=f"run-{number}/train", aliases=["champion"])
    store.describe("churn", description="Who leaves within 30 days", tags={"team": "risk"}, owner="ada")
    store.promote("churn@1", "champion", reason="2 crashes")
    for step in range(30):
        store.annotate("churn@1", metrics={"step": step})
    store.rename("churn", "risk.churn", reason="one scheme for all")
    store.delete_model("gone", reason="a trial")
    store.delete_model("collected")
    time.sleep(0.1)
    store.collect("collected", older_than=0)
    store.restore_model("collected")
    _cut_short(store, "half", "risk.half", "models/half/log/", "crash")
    _cut_short(store, "late", "risk.late", "models/late/log/", "crash_after")


def _cut_short(store: ModelStore, old: str, new: str, at: str, how: FaultKind) -> None:
    """Rename, and die at the first commit to a log that has such a key."""
    handle = store._handle  # noqa: SLF001 -- the same clock and the same tokens
    script: Script = lambda verb, key, _: Fault(how) if verb == "create" and at in key else None  # noqa: E731
    dying = ModelStore.over(Handle(FaultyStorage(store.storage, script=script), handle.settings, handle.ports))
    with suppress(SimulatedCrash):
        dying.rename(old, new)


if __name__ == "__main__":
    main()
