"""Where a verb's answer goes: data to stdout, words to stderr, nothing of either raw."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from modelstore_core.cli.documents import as_document, error_document, write_json
from modelstore_core.model.json import JsonObject
from modelstore_core.model.tables import printable

__all__ = ["Output", "ReaderGone", "Screen", "Shown", "screen_of"]

_DIM, _RED, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"


class ReaderGone(Exception):
    """Whoever read our output has closed it, as `| head` does; there is nothing left to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What the data is shown on.

    Attributes:
        width: The columns of the terminal; None if it is no terminal: then nothing is cut or left out.
        colour: Whether colours are wanted.
    """

    width: int | None = None
    colour: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text for people, printable throughout, and the names of the columns it had no room for."""

    text: str
    left_out: tuple[str, ...] = ()


class Output:
    """One command's stdout and stderr.

    Args:
        json: Whether people or programs read it: then words are left out, and every error is an object.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def data(self, record: object, show: Callable[[Screen], Shown]) -> None:
        """Write the answer to stdout: the record as JSON, or what `show` makes of it."""
        if self.json:
            _write(sys.stdout, write_json(as_document(record)) + "\n")
            return
        shown = show(screen_of(sys.stdout))
        if shown.text:
            _write(sys.stdout, shown.text + "\n")
        if shown.left_out:
            self.words(f"no room for {_first(shown.left_out)}; --json has all")

    def done(self, record: object, name: str, words: str) -> None:
        """Answer with what something is called, and say what was done with it; to programs the whole record."""
        self.data(record, lambda _: Shown(text=printable(name)))
        self.words(words)

    def beside(self, show: Callable[[Screen], Shown]) -> None:
        """Show on stderr what goes with an error; programs find it in the error itself."""
        if not self.json and (shown := show(screen_of(sys.stderr))).text:
            _write(sys.stderr, shown.text + "\n")

    def words(self, text: str) -> None:
        """Say on stderr what was done; to programs nothing is said."""
        if not self.json:
            text = printable(text)
            _write(sys.stderr, (f"{_DIM}{text}{_PLAIN}" if screen_of(sys.stderr).colour else text) + "\n")

    def error(self, error: BaseException, trace: str = "") -> None:
        """Write an error to stderr: `mstore: what, and what to do about it`, or one JSON object."""
        document = error_document(error)
        if self.json:
            more: JsonObject = {"traceback": trace} if trace else {}
            _write(sys.stderr, write_json({**document, **more}) + "\n")
            return
        name = f"{_RED}mstore:{_PLAIN}" if screen_of(sys.stderr).colour else "mstore:"
        said = f"{document['message']} {document['fix']}".rstrip()
        _write(sys.stderr, "".join(f"{printable(line)}\n" for line in trace.splitlines()))
        _write(sys.stderr, f"{name} {printable(said)}\n")

    def confirmed(self, question: str) -> bool:
        """Ask on the terminal, and return whether the answer was yes; a question that nobody sees has none."""
        try:
            _write(sys.stderr, f"{printable(question)} [y/N] ")
        except ReaderGone:
            return False
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            _write(sys.stderr, "\n")
        return answer.strip().lower() in {"y", "yes"}

    def finish(self) -> None:
        """Let go of what argparse wrote to stdout without flushing it."""
        _write(sys.stdout, "")

    def can_ask(self) -> bool:
        """Whether a person is there to answer."""
        return not self.json and sys.stdin is not None and sys.stdin.isatty()


def screen_of(stream: TextIO | None) -> Screen:
    """What a stream shows on: a terminal has a width, and colours unless the environment says otherwise."""
    terminal = stream is not None and stream.isatty()
    return Screen(
        width=shutil.get_terminal_size().columns if terminal else None, colour=_wants_colour(terminal=terminal)
    )


def _wants_colour(*, terminal: bool) -> bool:
    """NO_COLOR says no, else FORCE_COLOR or CLICOLOR_FORCE says yes, else a terminal that is not dumb."""
    said = os.environ.get
    if said("NO_COLOR"):
        return False
    if any(said(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return terminal and said("TERM") != "dumb" and said("CLICOLOR") != "0"


def _first(names: tuple[str, ...]) -> str:
    shown, more = names[:4], len(names) - 4
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _write(stream: TextIO | None, text: str) -> None:
    """Write and flush, so that nothing is left for the interpreter's exit to stumble over.

    Raises:
        ReaderGone: The stream's other end is closed.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        _abandon(stream)
        if isinstance(error, BrokenPipeError):
            raise ReaderGone from error
        raise


def _abandon(stream: TextIO) -> None:
    """Send what the stream still holds nowhere: it would fail again at exit."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
