"""What a reader lets a model's files name. The policy is the reader's alone: nothing stored can widen it.

Unpickling imports and calls what the file names, so a pickle is as powerful as the names it may use. The policy is
a set of *exact* names ("module.qualname"): prefixes are no protection, because most packages hold some function
that runs what it is given.

The list says whose code may take part in a load. It cannot say what a listed class written in C does with a state that
was made by hand: a file from someone you do not know can still crash the process, or worse. Know who writes your store.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from modelstore_core.errors import InvalidInput, Untrusted

__all__ = [
    "FULL",
    "LISTED",
    "SAFE",
    "SHIPPED",
    "Level",
    "Trust",
    "parse_trust",
    "refuse_pickle",
    "refuse_shape",
    "refuse_unlisted",
]

Level = Literal["safe", "listed", "full"]

SHIPPED: frozenset[str] = frozenset(
    line
    for file in ("trusted_names.txt", "trusted_torch_names.txt")
    for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A reader's policy.

    Attributes:
        level: "safe": no pickles at all; "listed": pickles that name only what is listed; "full": everything.
        extra: Exact names that this reader adds to the shipped list; they count at level "listed" only.
    """

    level: Level = "listed"
    extra: frozenset[str] = frozenset()

    def unlisted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that this policy does not allow, sorted."""
        if self.level == "full":
            return ()
        return tuple(sorted(set(names) - SHIPPED - (self.extra if self.level == "listed" else frozenset())))


SAFE = Trust(level="safe")
LISTED = Trust(level="listed")
FULL = Trust(level="full")
_LEVELS = {"safe": SAFE, "listed": LISTED, "full": FULL}


def parse_trust(value: str | Iterable[str] | Trust) -> Trust:
    """The policy that a level's name or a list of exact names stands for.

    Raises:
        InvalidInput: Another word than "safe", "listed", "full"; or a name that is not "module.qualname".
    """
    if isinstance(value, Trust):
        return value
    if isinstance(value, str):
        return _parse_level(value)
    return Trust(level="listed", extra=_exact_names(value, "trust="))


def _parse_level(word: str) -> Trust:
    if word in _LEVELS:
        return _LEVELS[word]
    raise InvalidInput(
        f"trust={word!r} is no trust level.",
        value=word,
        fix=f'Pass "safe", "listed" or "full", or a list of exact names: trust=[{json.dumps(word)}].',
    )


def _exact_names(values: Iterable[object], where: str) -> frozenset[str]:
    names = tuple(values)
    wrong = [name for name in names if not _is_exact_name(name)]
    if wrong:
        raise InvalidInput(
            f"{where} holds what is not an exact name: {', '.join(repr(name) for name in wrong)}.",
            value=wrong[0],
            fix='Write each as "package.module.Name"; wildcards and prefixes are not understood.',
        )
    return frozenset(str(name) for name in names)


def _is_exact_name(name: object) -> bool:
    # `<locals>` and `<lambda>` are parts that pickles can carry by value only, never by name.
    return isinstance(name, str) and "." in name and all(part.isidentifier() for part in name.split("."))


def refuse_unlisted(trust: Trust, names: Iterable[str], where: str) -> None:
    """Return only if the policy, or the project's own list, allows every name.

    The nearest pyproject.toml is read only if the rest of the policy says no.

    Raises:
        Untrusted: Lists every name that is not allowed and prints the lines that would allow them.
    """
    missing = trust.unlisted(names)
    if not missing:
        return
    project = _project_names(Path.cwd()) if trust.level == "listed" else frozenset()
    missing = tuple(name for name in missing if name not in project)
    if not missing:
        return
    quoted = ", ".join(json.dumps(name) for name in missing)
    raise Untrusted(
        f"{where} names what this reader does not trust: {', '.join(missing)}. Nothing was loaded.",
        value=where,
        fix=(
            "If you know what these names do and trust them, add "
            f"trust=[{quoted}] (or in pyproject.toml: [tool.modelstore] trust = [{quoted}])."
        ),
        names=missing,
    )


def refuse_pickle(trust: Trust, where: str) -> None:
    """Return unless the policy forbids pickles altogether.

    Raises:
        Untrusted: The level is "safe".
    """
    if trust.level == "safe":
        raise Untrusted(
            f'{where} is a pickle, and trust="safe" loads none. Nothing was loaded.',
            value=where,
            fix='Pass trust="listed" if it may name listed classes, or store the model in a native format.',
        )


def refuse_shape(where: str, why: str, names: tuple[str, ...] = ()) -> NoReturn:
    """Refuse a file that no list of names can make trusted.

    Raises:
        Untrusted: Always.
    """
    raise Untrusted(
        f"{where} cannot be judged: {why}. Nothing was loaded.",
        value=where,
        fix='Pass trust="full" only if you know who wrote the file: it can then run any code.',
        names=names,
    )


def _project_names(start: Path) -> frozenset[str]:
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return _names_in(path)
    return frozenset()


def _names_in(path: Path) -> frozenset[str]:
    import tomllib

    where = f"[tool.modelstore] trust in {str(path)!r}"
    try:
        table: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{str(path)!r} cannot be read for its trusted names: {error}.", value=str(path)) from error
    for key in ("tool", "modelstore"):
        table = table.get(key) if isinstance(table, dict) else None
    names = table.get("trust", []) if isinstance(table, dict) else []
    if not isinstance(names, list):
        raise InvalidInput(f"{where} is {names!r}.", value=names, fix='Write a list: trust = ["package.module.Name"].')
    return _exact_names(names, where)
