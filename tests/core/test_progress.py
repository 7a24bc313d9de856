"""Who is told how far a transfer has come, and how."""

import io
import logging
import os
import pickle
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from modelstore_core import Corrupt, InvalidInput, ModelStore, Progress, log_progress
from modelstore_core.progress import Meter
from modelstore_core.store.bar import Bar
from modelstore_core.testing.stores import StillClock

MIB = 1 << 20


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two files, the larger of which is read in pieces."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w" * 3 * MIB)
    (folder / "small.txt").write_bytes(b"small")
    return folder


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def store(url: str, told: list[Progress]) -> ModelStore:
    return ModelStore(url, progress=told.append)


def is_whole(told: list[Progress], verb: str, reference: str) -> bool:
    """Whether this is what one whole transfer of the model tells."""
    done = [progress.bytes_done for progress in told]
    return (
        {(p.verb, p.reference, p.bytes_total, p.files) for p in told} == {(verb, reference, 3 * MIB + 5, 2)}
        and done == sorted(done)
        and (done[0], done[-1]) == (0, 3 * MIB + 5)
        and [p.ended for p in told] == [False] * (len(told) - 1) + [True]
    )


VERBS: dict[str, tuple[str, Callable[[ModelStore, Path], object]]] = {
    "load": ("m@1", lambda store, folder: store.load("m")),
    "pull": ("m@1", lambda store, folder: store.pull("m", folder / "pulled")),
    "copy": ("m@1", lambda store, folder: store.copy("m", folder / "other")),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_transfer_is_told_of_from_nothing_to_all(
    store: ModelStore, told: list[Progress], model: Path, tmp_path: Path, verb: str
) -> None:
    store.save(model, "m")
    assert is_whole(told, "save", "m")
    told.clear()
    reference, act = VERBS[verb]
    act(store, tmp_path)

    assert is_whole(told, verb, reference)


def test_what_is_shared_with_an_earlier_version_counts_too(
    store: ModelStore, told: list[Progress], model: Path
) -> None:
    for _ in range(2):
        told.clear()
        store.save(model, "m")

    assert is_whole(told, "save", "m")


def test_a_transfer_that_fails_is_told_to_have_ended(
    store: ModelStore, told: list[Progress], model: Path, tmp_path: Path
) -> None:
    version = store.save(model, "m")
    key = f"{version.url.removeprefix(f'{store.url}/')}/small.txt"
    store.storage.delete([key])
    told.clear()
    with pytest.raises(Corrupt):
        store.pull("m", tmp_path / "pulled")

    assert told[-1].ended
    assert told[-1].bytes_done <= told[-1].bytes_total


def test_a_transfer_that_never_begins_tells_nothing(store: ModelStore, told: list[Progress]) -> None:
    with pytest.raises(InvalidInput):
        store.save({"w": 1}, "m", format="pickle", metrics={"auc": "much"})

    assert told == []


def test_a_callback_that_fails_is_warned_about_once_and_costs_nothing(url: str, model: Path) -> None:
    calls: list[Progress] = []

    def fails(progress: Progress) -> None:
        calls.append(progress)
        raise ZeroDivisionError("in the callback")

    store = ModelStore(url, progress=fails)
    with pytest.warns(UserWarning, match=r"not called again: ZeroDivisionError\('in the callback'\)") as caught:
        version = store.save(model, "m")

    assert (version.number, len(calls), len(caught)) == (1, 1, 1)


def test_a_callback_stays_behind_when_the_store_travels(store: ModelStore, told: list[Progress], model: Path) -> None:
    pickle.loads(pickle.dumps(store)).save(model, "m")

    assert told == []


def test_what_is_passed_twice_is_no_more_than_there_is() -> None:
    told: list[Progress] = []
    with Meter("load", "m", told.append) as meter:
        meter.expect([3, 4])
        for _ in range(3):
            meter.passed(5)

    assert [p.bytes_done for p in told] == [0, 5, 7, 7, 7]


def test_nothing_to_pass_is_all_of_it() -> None:
    assert Progress(verb="save", reference="m", bytes_done=0, bytes_total=0, files=0).share == 1.0


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (3 << 19, "1.5 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 50, "3072.0 TiB"),
    ],
)
def test_sizes_are_readable(size: int, shown: str) -> None:
    progress = Progress(verb="save", reference="m", bytes_done=size, bytes_total=size, files=1)

    assert str(progress) == f"save m: {shown} of {shown} (100%), 1 file"


def logged(steps: list[tuple[float, int]], total: int = 100, **terms: float) -> list[str]:
    """What is written of a transfer that has come so far at these seconds."""
    clock, lines = StillClock(), list[str]()
    ports = clock.ports()
    tell = log_progress(lines.append, monotonic=ports.monotonic, **terms)
    for second, done in steps:
        ports.sleep(second - clock.waited)
        tell(Progress(verb="save", reference="m", bytes_done=done, bytes_total=total, files=2, ended=done == total))
    return lines


def test_what_is_soon_over_is_not_logged() -> None:
    assert logged([(0, 0), (5, 50), (9, 100)]) == []


def test_what_takes_long_is_logged_at_a_bearable_rate() -> None:
    """Every ten seconds at most, and ten times at most; and its end."""
    fast = logged([(second, second) for second in range(101)])
    slow = logged([(60 * minute, minute) for minute in range(101)])

    assert fast == [f"save m: {p} bytes of 100 bytes ({p}%), 2 files" for p in range(10, 101, 10)]
    assert [line.partition("(")[2].partition("%")[0] for line in slow] == [
        *("1", "11", "21", "31", "41", "51", "61", "71", "81", "91"),
        "100",
    ]


def test_a_transfer_of_the_same_name_begins_anew() -> None:
    assert logged([(0, 0), (20, 50), (21, 100), (22, 0), (31, 50), (33, 100)]) == [
        "save m: 50 bytes of 100 bytes (50%), 2 files",
        "save m: 100 bytes of 100 bytes (100%), 2 files",
    ]


def test_a_logger_can_be_told(url: str, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ModelStore(url, progress=log_progress(logging.getLogger("mine").info, seconds=0)).save(model, "m")

    assert caplog.messages[-1] == "save m: 3.0 MiB of 3.0 MiB (100%), 2 files"


def step(done: int, *, ended: bool = False) -> Progress:
    return Progress(verb="pull", reference="risk[x]@3", bytes_done=done, bytes_total=4 * MIB, files=1, ended=ended)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def bars(screen: io.StringIO) -> Callable[[StillClock], Bar]:
    return lambda clock: Bar(clock.ports().monotonic, Console(file=screen, force_terminal=True, width=120))


def test_a_bar_appears_after_two_seconds_and_leaves_nothing(
    bars: Callable[[StillClock], Bar], screen: io.StringIO
) -> None:
    clock = StillClock()
    bar = bars(clock)
    bar(step(0))
    clock.waited = 1.9
    bar(step(MIB))
    assert screen.getvalue() == ""
    clock.waited = 2.0
    bar(step(2 * MIB))
    bar(step(3 * MIB))
    bar(step(4 * MIB, ended=True))

    assert "pull risk[x]@3" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # the line is wiped


def test_there_is_room_for_one_bar(bars: Callable[[StillClock], Bar], screen: io.StringIO) -> None:
    clock = StillClock()
    one, other = bars(clock), bars(clock)
    for bar in (one, other):
        bar(step(0))
    clock.waited = 3
    one(step(MIB))
    shown = len(screen.getvalue())
    other(step(MIB))
    other(step(MIB, ended=True))
    assert len(screen.getvalue()) == shown
    one(step(MIB, ended=True))
    third = bars(clock)
    third(step(0))
    clock.waited = 6
    third(step(MIB))
    third(step(MIB, ended=True))
    assert len(screen.getvalue()) > shown


SLOW = """
import sys, time
from pathlib import Path
from modelstore_core import ModelStore
from modelstore_core.ports import Ports
from modelstore_core.testing.stores import StillClock

clock = StillClock()
store = ModelStore(sys.argv[1], progress=sys.argv[3] != "off")
handle = store._handle
ticks = iter(range(10_000))
handle.ports = Ports(monotonic=lambda: float(next(ticks)))  # a second at each look
store.save(Path(sys.argv[2]), "m")
"""


def drawn(store: Path, model: Path, *, terminal: bool, progress: str = "on") -> bytes:
    """What a program that takes its time shows on stderr."""
    command = [sys.executable, "-c", SLOW, str(store), str(model), progress]
    if not terminal:
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stderr
    master, slave = pty.openpty()
    try:
        done = subprocess.run(command, stdin=slave, stdout=slave, stderr=slave, timeout=60, check=False)
        os.set_blocking(master, False)
        shown = b""
        with suppress(BlockingIOError):
            shown = os.read(master, 1 << 20)
        assert done.returncode == 0, shown
        return shown
    finally:
        os.close(master)
        os.close(slave)


def test_a_program_on_a_terminal_shows_a_bar_unless_told_not_to(model: Path, tmp_path: Path) -> None:
    assert b"save m" in drawn(tmp_path / "a", model, terminal=True)
    assert drawn(tmp_path / "b", model, terminal=True, progress="off") == b""


def test_a_program_without_a_terminal_shows_nothing(model: Path, tmp_path: Path) -> None:
    assert drawn(tmp_path / "a", model, terminal=False) == b""
