"""`mstore __complete`: what a shell's script asks while somebody types. It is quick, or silent, and never complains."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from modelstore_core.cli.completion.candidates import FILES, Candidate, candidates
from modelstore_core.cli.completion.lines import quoted, split
from modelstore_core.model.tables import printable

if TYPE_CHECKING:
    from modelstore_core.cli.completion.stock import Shelf

__all__ = ["complete"]

_PATIENCE = "MODELSTORE_COMPLETION_TIMEOUT"
"""Names the seconds after which nobody waits any more for what a store has."""

_USUAL, _MOST = 2.0, 60.0


def complete(words: Sequence[str]) -> int:
    """Print what may stand next, a line each: nothing if that fails, or takes too long."""
    found: list[str] = []
    asking = Thread(target=_ask, args=(words, found), daemon=True)
    asking.start()
    asking.join(_seconds())
    with suppress(OSError, ValueError):
        sys.stdout.write("".join(f"{line}\n" for line in list(found)))
        sys.stdout.flush()
    if asking.is_alive():  # whatever it waits for, and whichever threads it has begun: the prompt does not wait
        os._exit(0)
    return 0


def _seconds() -> float:
    try:
        said = float(os.environ.get(_PATIENCE, ""))
    except ValueError:
        return _USUAL
    return said if 0 <= said <= _MOST else _USUAL


def _ask(words: Sequence[str], found: list[str]) -> None:
    with suppress(Exception):
        shell, *typed = words
        found += _for_bash(*typed) if shell == "bash" else _described(candidates(typed, _stocked))


def _described(offered: Sequence[Candidate]) -> list[str]:
    return [f"{one.word}\t{printable(one.meaning)}".rstrip() for one in offered if one.word.isprintable()]


def _for_bash(line: str, breaks: str) -> list[str]:
    """The candidates without what readline leaves standing, quoted as they must be typed."""
    words = split(line)
    kept, quote = words[-1].standing(breaks), words[-1].quote
    offered = candidates([word.value for word in words[1:]], _stocked)
    if offered is FILES:
        return [one.word for one in FILES]
    texts = [one.word[len(kept) :] for one in offered if one.word.isprintable() and one.word.startswith(kept)]
    return [text for text in (quoted(text, quote) for text in texts) if text is not None]


def _stocked(options: Sequence[tuple[str, str]]) -> "Shelf":
    from modelstore_core.cli.completion.stock import Shelf  # verbs and options are offered without any store

    return Shelf(options)
