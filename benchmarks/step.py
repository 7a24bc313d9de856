"""One process of a benchmark: makes ready, says so, waits for the word, does its work, says what it cost.

Runs in a peer's environment, so it imports nothing but the standard library and the one subject that it is told.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.measuring import cost_of
from benchmarks.models import Kind, made
from benchmarks.subjects.protocol import Place, Subject

__all__ = ["Step", "act"]

Act: TypeAlias = Literal["save", "load", "crowd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a process is told.

    Attributes:
        opener: `module:function` that opens the subject.
        act: "save" or "load", or "crowd": save one after the other with others, going on after errors.
        place: Where.
        kind: What is saved.
        mib: How large it is, unless small.
        times: How often; the least of the costs is told.
        warm: Whether the subject saves and loads something small first.
        name: The model's name.
        seed: From where on models are numbered.
    """

    opener: str
    act: Act
    place: Place
    kind: Kind = "small"
    mib: int = 1
    times: int = 1
    warm: bool = True
    name: str = "model"
    seed: int = 0

    def as_json(self) -> str:
        """For the command line of the process."""
        return json.dumps({**asdict(self), "place": {**asdict(self.place), "folder": str(self.place.folder)}})


@dataclass(slots=True)
class _Crowd:
    """What became of the saves of one process of many."""

    done: int = 0
    errors: list[str] = field(default_factory=list)


def act(step: Step, ready: Callable[[], None]) -> Mapping[str, object]:
    """Do it; `ready` is called when the clock may start."""
    module, _, function = step.opener.partition(":")
    subject: Subject = getattr(import_module(module), function)(step.place)
    folder = step.place.folder
    if step.warm:
        _warm(subject, step)
    subject.prepare(step.name, step.times)
    if step.act == "load":
        ready()
        return cost_of(lambda _: subject.load(step.name), step.times).as_json()
    models = [made(step.kind, number + step.seed, step.mib, folder) for number in range(step.times)]
    ready()
    if step.act == "crowd":
        return _crowd(subject, models, step.name)
    return cost_of(lambda number: subject.save(models[number], step.name), step.times).as_json()


def _warm(subject: Subject, step: Step) -> None:
    name = f"warm-{step.name}-{step.seed}"  # not one that others race for
    subject.prepare(name, 1)
    subject.save(made("tiny" if step.kind in {"file", "tiny"} else "small", 1 + step.seed, 1, step.place.folder), name)
    subject.load(name)


def _crowd(subject: Subject, models: list[object], name: str) -> Mapping[str, object]:
    crowd, start = _Crowd(), time.monotonic()

    def work(_: int) -> None:
        for model in models:
            try:
                subject.save(model, name)
            except Exception as error:  # noqa: BLE001 -- what a peer raises is what is counted
                crowd.errors.append(f"{type(error).__name__}: {error}"[:200])
            else:
                crowd.done += 1

    cost = cost_of(work)
    return {"start": start, "end": time.monotonic(), "cpu": cost.cpu, **asdict(crowd)}


def _say(line: str) -> None:
    print(line, flush=True)


def _main() -> None:
    said = json.loads(sys.argv[1])
    step = Step(**{**said, "place": Place(**{**said["place"], "folder": Path(said["place"]["folder"])})})

    def ready() -> None:
        _say("ready")
        sys.stdin.readline()

    _say(json.dumps(act(step, ready)))


if __name__ == "__main__":
    _main()
