"""Killed, or refused by the disk, at every system call that changes something: the log is whole and a retry finishes.

strace strikes a process that does one step on a real folder. What it leaves is audited by its bytes, and the same step
with the same key is done again.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from tests.conftest import Tell
from tests.needs import program
from tests.properties.effort import SOAK, takes
from tests.protocol.victims import STEPS

from modelstore_core import ModelStore
from modelstore_core.storage.local import LocalStorage
from modelstore_core.testing.audit import Audit, audit

WATCHED = (
    "?open,?openat,?creat,?write,?pwrite64,?sendfile,?copy_file_range,?ftruncate,?fallocate,?fsync,?fdatasync,"
    "?link,?linkat,?symlink,?symlinkat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?mkdir,?mkdirat,?rmdir,"
    "?chmod,?fchmod,?fchmodat,?utimensat,?ioctl"
)
"""Every system call that could change a file system; not every machine has all of them."""

MAKING = {"open": "O_CREAT", "openat": "O_CREAT", "ioctl": "FICLONE"}
"""Of some, only those calls do that have this word among their arguments."""

LINE = re.compile(r"^(?P<call>\w+)\((?P<arguments>.*)\) += -?\d+")
KINDS = {"storage", "commit_uncertain"}
SAMPLE = 10**6 if SOAK else 60
"""Of how many points of one step; the first save of a store has hundreds, since the storage is tried before it."""


@dataclass(frozen=True, slots=True)
class Point:
    """A system call that changes something: its name, and the how-manieth of that name it is."""

    call: str
    nth: int


def points(trace: str) -> list[Point]:
    """Those in a trace, in order."""
    seen: Counter[str] = Counter()
    found = []
    for line in trace.splitlines():
        if match := LINE.match(line):
            seen[match["call"]] += 1
            if MAKING.get(match["call"], "") in match["arguments"]:
                found.append(Point(match["call"], seen[match["call"]]))
    return found


class Victims:
    """Processes that do a step on the store at `root`, as `prepared`, while strace watches or strikes them."""

    def __init__(self, folder: Path, strace: str) -> None:
        self.root, self.prepared, self.file = folder / "store", folder / "prepared", folder / "weights.bin"
        self.file.write_bytes(b"weights")
        self._trace, self._strace = folder / "trace", strace
        command = [sys.executable, "-m", "tests.protocol.victims", str(self.root), str(self.file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def prepare(self, step: str) -> None:
        """Lay out what the step acts on, always in the same place: nothing for a first save."""
        if step != "first save":
            store = ModelStore(self.root)
            for key in ("made 1", "made 2"):
                store.save(self.file, "m", key=key)
            for number, alias in [(1, "steady"), (2, "moved"), (1, "moved")]:
                store.promote(f"m@{number}", alias)
            if step == "collect":
                self._leave_garbage(store)
            self.root.rename(self.prepared)

    def _leave_garbage(self, store: ModelStore) -> None:
        """A version that was deleted, one that was superseded, and what two crashes left."""
        store.delete("m@2")
        store.save(self.file, "m", key="made 3")
        self.file.write_bytes(b"other weights")
        store.save(self.file, "m", key="made 3", attempt=1)
        unpublished = self.root / "models" / "m" / "data" / ("0" * 32)
        unpublished.mkdir()
        for left in (unpublished / "weights.bin", unpublished.parent / ".tmp~0123456789abcdef"):
            left.write_bytes(b"half")

    def strike(self, step: str, *inject: str) -> str:
        """Let a new process do the step on the prepared store; what became of it."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self.prepared.exists():
            shutil.copytree(self.prepared, self.root)
        process = self._ask(step)
        watch = [self._strace, "-o", str(self._trace), "-e", f"trace={WATCHED}", *inject, "-p", process]
        with subprocess.Popen(watch, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            attached = tracer.stderr.readline()
            assert attached.endswith("attached\n"), attached + tracer.stderr.read()
            return self._ask("go")

    def points(self, step: str) -> list[Point]:
        """All points of the step, by one that is left alone."""
        assert self.strike(step) == "done"
        return points(self._trace.read_text())

    def finish(self, step: str) -> tuple[Audit, int]:
        """Do the step here; what the log is then, and how many files there are besides if all garbage is gone."""
        STEPS[step](ModelStore(self.root), self.file)
        files = [path for path in (self.root / "models" / "m" / "data").rglob("*") if path.is_file()]
        return self.audit(), len(files) if step == "collect" else 0

    def audit(self) -> Audit:
        """What the log is; the store's own eyes see no damage either."""
        assert ModelStore(self.root).verify(read_data=True).count("damage") == 0
        return audit(LocalStorage(self.root), "m")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture
def victims(tmp_path: Path) -> Iterator[Victims]:
    with Victims(tmp_path, program("strace", "apt-get install strace")) as victims:
        yield victims


def sample(found: list[Point]) -> list[Point]:
    """As many as can be afforded, evenly."""
    count = min(SAMPLE, len(found))
    return [found[i * len(found) // count] for i in range(count)]


@takes(minutes=15)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
@pytest.mark.parametrize(
    ("step", "least"), [("first save", 100), ("save", 25), ("promote", 15), ("delete", 15), ("collect", 30)]
)
def test_struck_at_any_system_call_a_step_is_finished_by_a_retry(
    victims: Victims, step: str, least: int, fault: str, tell: Tell
) -> None:
    victims.prepare(step)
    found = victims.points(step)
    whole, files = victims.finish(step)
    ends = Counter[str]()
    for point in sample(found):
        end = victims.strike(step, "-e", f"inject={point.call}:{fault}:when={point.nth}")
        ends[end] += 1
        left = victims.audit()
        mended, kept = victims.finish(step)

        assert end in ({"killed"} if fault == "signal=KILL" else {"done", *KINDS}), (point, end)
        assert (end, point.call) != ("done", "fsync"), f"{point} was not heard of"
        assert end != "done" or len(left.entries) == len(whole.entries), point
        assert (mended.numbers, mended.live, mended.aliases) == (whole.numbers, whole.live, whole.aliases), point
        assert (len(mended.entries), kept) == (len(whole.entries), files), point

    tell(f"struck at {sum(ends.values())} of {len(found)} system calls: {dict(ends)}")
    assert len(found) >= least
