"""Runs steps in processes of their own, one or many at a time, each in the environment of its contender."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from benchmarks.contenders import Contender
from benchmarks.peers import ROOT, python_of
from benchmarks.step import Step

__all__ = ["StepFailed", "environment", "run", "run_together", "surrounded"]


class StepFailed(Exception):
    """A step ended without an answer; the message is the end of what it wrote to standard error."""


def run(
    contender: Contender, step: Step, surroundings: Mapping[str, str], ready: Callable[[], object] = lambda: None
) -> Mapping[str, Any]:
    """The answer of one step; `ready` is called just before its clock starts."""
    return run_together(contender, [step], surroundings, ready)[0]


def run_together(
    contender: Contender,
    steps: Sequence[Step],
    surroundings: Mapping[str, str],
    ready: Callable[[], object] = lambda: None,
) -> Sequence[Mapping[str, Any]]:
    """The answers of steps that start their work at one moment, when all are ready."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_process(contender, step, surroundings)) for step in steps]
        for process in processes:
            _expect(process, "ready")
        ready()
        for process in processes:
            process.say("go")
        return [json.loads(_expect(process, "{")) for process in processes]


def environment(surroundings: Mapping[str, str]) -> dict[str, str]:
    """For a process of a benchmark: nothing of the user's own stores, and byte code kept as if all were installed."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MODELSTORE_", "MODEL_STORE_", "MLFLOW_", "AWS_", "PYTHON"))
    }
    cache = {"PYTHONPYCACHEPREFIX": str(ROOT / ".venv-bench/byte-code")}
    quiet = {"GIT_PYTHON_REFRESH": "quiet", "PYTHONWARNINGS": "ignore"}
    return {**kept, **cache, **quiet, "PYTHONPATH": str(ROOT), **surroundings}


@contextmanager
def surrounded(surroundings: Mapping[str, str]) -> Iterator[None]:
    """Have these in this process's own environment for a while."""
    before = dict(os.environ)
    os.environ.update(surroundings)
    try:
        yield
    finally:
        for name in surroundings:
            os.environ.pop(name, None)
        os.environ.update(before)


class _Process:
    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout, self._errors = process.stdin, process.stdout, errors

    def say(self, line: str) -> None:
        self._stdin.write(f"{line}\n")
        self._stdin.flush()

    def hear(self) -> str:
        return self._stdout.readline()

    def complaint(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-3000:].decode(errors="replace")


def _expect(process: _Process, start: str) -> str:
    while line := process.hear():
        if line.startswith(start):
            return line
    raise StepFailed(process.complaint())


@contextmanager
def _process(contender: Contender, step: Step, surroundings: Mapping[str, str]) -> Iterator[_Process]:
    command = [str(python_of(contender.environment)), "-m", "benchmarks.step", step.as_json()]
    with (
        TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(surroundings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield _Process(process, errors)
        except BaseException:
            process.kill()
            raise
