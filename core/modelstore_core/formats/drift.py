"""How this environment differs from the one a version was made in, and whether that matters to loading it."""

import platform
import re
from collections.abc import Iterator, Mapping
from typing import Final

from modelstore_core.formats.environment import installed_version
from modelstore_core.model.inspection import Drift

__all__ = ["drift_of", "said"]

_RELEASE: Final = re.compile(r"(\d+)(?:\.(\d+))?")


def drift_of(environment: Mapping[str, object], *, pickled: bool) -> tuple[Drift, ...]:
    """Everything in a record's environment that is of another version here, Python first.

    Args:
        environment: The record's.
        pickled: Whether loading the version unpickles something.
    """
    return tuple(
        Drift(name=name, recorded=recorded, here=here, matters=_matters(recorded, here, pickled=pickled))
        for name, recorded, here in _versions(environment)
        if recorded != here
    )


def said(drifts: tuple[Drift, ...]) -> str:
    """The differences in one line."""
    return ", ".join(f"{d.name} {d.recorded} there, {d.here or 'not installed'} here" for d in drifts)


def _versions(environment: Mapping[str, object]) -> Iterator[tuple[str, str, str | None]]:
    python = environment.get("python")
    if isinstance(python, str):
        yield "python", python, platform.python_version()
    pins = environment.get("requirements")
    for pin in pins if isinstance(pins, list | tuple) else ():
        name, equals, version = str(pin).partition("==")
        if equals:
            yield name, version, installed_version(name)


def _matters(recorded: str, here: str | None, *, pickled: bool) -> bool:
    if here is None:
        return True
    there, now = _RELEASE.match(recorded), _RELEASE.match(here)
    if there is None or now is None:
        return pickled
    return there.groups() != now.groups() if pickled else there[1] != now[1]
