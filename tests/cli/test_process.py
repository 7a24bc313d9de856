"""What only a process of its own can show: imports, pipes that break, encodings, a real terminal."""

import os
import pty
import runpy
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, TypeAlias

import pytest
from tests import needs
from tests.cli import schemes
from tests.cli.commands import Run, Terminal

from modelstore_core import ModelStore
from modelstore_core.cli import main

Start: TypeAlias = Callable[..., "subprocess.CompletedProcess[bytes]"]

_IMPORTS = """
import sys
before = set(sys.modules)
from modelstore_core.cli import main
code = main(sys.argv[1:])
added = {name.partition(".")[0] for name in set(sys.modules) - before} - {"modelstore_core"}
print(code, sorted(added - sys.stdlib_module_names), file=sys.stderr)
"""


@pytest.fixture
def start() -> Start:
    def start(
        *words: str, stdout: int | TextIO = subprocess.PIPE, stderr: int | TextIO = subprocess.PIPE, **env: str
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, *(words if words[0] == "-c" else ("-m", "modelstore_core.cli", *words))],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
            timeout=60,
            check=False,
        )

    return start


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes that start meanwhile can be interrupted, also where a shell runs these tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def broken_pipe() -> TextIO:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("ls",), ("save", "m", "old.bin"), ("lss",)])
def test_no_third_party_module_is_imported(start: Start, words: tuple[str, ...]) -> None:
    done = start("-c", _IMPORTS, *words)
    assert done.stderr.decode().splitlines()[-1] in ("0 []", "2 []")


@pytest.mark.parametrize("words", [("--help",), ("ls",), ("show", "risk", "--json")])
def test_a_reader_that_goes_away_is_no_failure(start: Start, risk: str, words: tuple[str, ...]) -> None:
    with broken_pipe() as pipe:
        done = start(*words, stdout=pipe)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("words", "code"), [(("ls",), 0), (("show", "nobody"), 3)])
def test_a_reader_that_goes_away_raises_nothing(risk: str, words: tuple[str, ...], code: int) -> None:
    with broken_pipe() as out, broken_pipe() as err, redirect_stdout(out), redirect_stderr(err):
        assert main(words) == code


def test_a_question_that_nobody_sees_is_not_answered_with_yes(risk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    with broken_pipe() as err, redirect_stderr(err):
        assert main(["rm", "risk@2"]) == 130
    assert not ModelStore("./models").get("risk@2").deleted


def test_streams_that_are_closed_are_not_written_to(risk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    monkeypatch.setattr("sys.stdin", None)
    assert [main(words) for words in (["ls"], ["show", "nobody"], ["rm", "risk@2"])] == [0, 3, 2]


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["anything", "show", "nobody"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("modelstore_core.cli", run_name="__main__")
    assert (ended.value.code, capsys.readouterr().err[:8]) == (3, "mstore: ")


def test_what_was_to_be_done_is_done_before_anything_is_said(start: Start, mstore: Run) -> None:
    with broken_pipe() as pipe:
        assert start("save", "risk", "old.bin", stdout=pipe).returncode == 0
    assert mstore("show", "risk@1").code == 0


def test_an_error_that_nobody_reads_keeps_its_code(start: Start) -> None:
    with broken_pipe() as pipe:
        assert start("show", "risk", stdout=pipe, stderr=pipe).returncode == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_an_answer_that_cannot_be_written_is_a_failure(start: Start, risk: str) -> None:
    with Path("/dev/full").open("w") as full, redirect_stdout(full):
        assert main(["ls"]) == 1
    with Path("/dev/full").open("w") as full:
        done = start("ls", stdout=full)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"No space left on device" in done.stderr


def test_without_a_terminal_rm_asks_nobody(start: Start, risk: str) -> None:
    assert start("rm", "risk@2").returncode == 2
    assert start("rm", "risk@2", "--yes").stdout == b"risk@2\n"


def test_text_that_an_encoding_lacks_is_escaped(start: Start, mstore: Run) -> None:
    mstore("save", "風險", "old.bin")
    done = start("ls", PYTHONIOENCODING="ascii")
    assert (done.returncode, b"\\u98a8\\u96aa" in done.stdout) == (0, True)


def test_a_real_terminal_gets_colours_and_a_table_that_fits(start: Start, risk: str) -> None:
    reading, writing = pty.openpty()
    with os.fdopen(reading, "rb", buffering=0) as shown:
        done = start("ls", "risk", stdout=writing, COLUMNS="60")
        os.close(writing)
        lines = shown.read(4096).decode().split("\r\n")
    assert (done.returncode, len(lines)) == (0, 4)
    assert "\x1b[" in lines[0]
    assert b"no room for created" in done.stderr


def test_an_interrupted_command_says_so_in_one_line_and_by_its_code(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    schemes.install(tmp_path / "packages")
    path = os.pathsep.join([str(tmp_path / "packages"), *sys.path])
    command = [sys.executable, "-m", "modelstore_core.cli", "--store", "silent://asked", "ls"]
    with (
        interruptible(),
        subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as started,
    ):
        assert started.stdout is not None
        assert started.stdout.read(5) == b"asked"  # so it waits for the storage by now
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=60)
    assert (started.returncode, said) == (130, b"mstore: Interrupted.\n")


def test_a_pipe_into_head_ends_in_silence(risk: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m modelstore_core.cli history risk"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [
            needs.program("bash", "apt-get install bash"),
            "-c",
            f"{command} | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        ],
        env=environment,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"0\n", b"")
