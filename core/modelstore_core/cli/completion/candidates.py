"""What may come next on a command line: by the grammar, and for names by what there is. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeAlias

from modelstore_core.cli.grammar.parts import COMMON, Fill, Verb, Word
from modelstore_core.cli.grammar.tables import spoken, verb_named

__all__ = ["FILES", "Candidate", "Options", "Stock", "candidates"]

Options: TypeAlias = Sequence[tuple[str, str]]
"""The options with values that stand before, in order."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may stand there, and what it means."""

    word: str
    meaning: str = ""


FILES = (Candidate(":files"),)
"""Stands for whatever the shell offers for paths; no name begins so."""


class Stock(Protocol):
    """What there is to name."""

    def stores(self) -> Iterable[Candidate]:
        """The stores that have a name."""

    def models(self, prefix: str) -> Iterable[Candidate]:
        """The models whose names begin so."""

    def aliases(self, name: str) -> Iterable[Candidate]:
        """The aliases of a model."""

    def numbers(self, name: str) -> Iterable[Candidate]:
        """The newest versions of a model, by number."""

    def fields(self, name: str) -> Iterable[Candidate]:
        """What versions of a model can be ordered by."""


@dataclass(slots=True)
class _Line:
    """What stands before the word that is being typed."""

    verb: Verb | None = None
    operands: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    pending: Word | None = None

    @property
    def model(self) -> str:
        """The model that the first operand names; "" without one."""
        first = self.operands[0] if self.operands else ""
        return first.rpartition("@")[0] or first

    @property
    def operand(self) -> Word | None:
        """The one whose turn it is."""
        left = () if self.verb is None else self.verb.operands
        if left and left[-1].more.get("nargs") == "*":
            return left[min(len(self.operands), len(left) - 1)]
        return left[len(self.operands)] if len(self.operands) < len(left) else None

    def option(self, name: str) -> Word | None:
        """The option of this name."""
        return next((word for word in self.known() if name in word.names), None)

    def known(self) -> tuple[Word, ...]:
        """The options that may stand here."""
        return COMMON if self.verb is None else self.verb.options

    def take(self, word: str) -> None:
        """Note what a word is."""
        name, equals, value = word.partition("=")
        if self.pending is not None:
            self.options.append((self.pending.names[0], word))
            self.pending = None
        elif word.startswith("-"):
            option = self.option(name)
            if equals:
                self.options.append((name, value))
            elif option is not None and option.takes == "value":
                self.pending = option
        elif self.verb is None:
            self.verb = verb_named(word)
        else:
            self.operands.append(word)


def candidates(words: Sequence[str], stocked: Callable[[Options], Stock]) -> Sequence[Candidate]:
    """What may stand for the last of the words.

    Args:
        words: Those after `mstore`; the last is what has been typed of the one in question.
        stocked: What there is, given the options before it; asked only if a value is in question.
    """
    *before, typed = words
    line = _Line()
    for word in before:
        line.take(word)
    if line.pending is not None:
        return _values(line.pending, typed, line, stocked)
    name, equals, value = typed.partition("=")
    if equals and (option := line.option(name)) is not None:
        found = _values(option, value, line, stocked)
        return [Candidate(f"{name}={one.word}", one.meaning) for one in found if found is not FILES]
    if typed.startswith("-"):
        return _beginning(typed, (Candidate(word.names[0], word.help) for word in line.known()))
    if line.verb is None:
        return _beginning(typed, (Candidate(name, verb.what) for name, verb in spoken().items()))
    return () if line.operand is None else _values(line.operand, typed, line, stocked)


def _values(word: Word, typed: str, line: _Line, stocked: Callable[[Options], Stock]) -> Sequence[Candidate]:
    if word.choices:
        return _beginning(typed, map(Candidate, word.choices))
    if word.fill == "file":
        return FILES
    if word.fill == "nothing":
        return ()
    found = _named(word.fill, typed, line.model, stocked(line.options))
    return _beginning(typed, found) or (FILES if word.fill == "store" else ())


def _named(fill: Fill, typed: str, model: str, stock: Stock) -> Iterable[Candidate]:
    match fill:
        case "store":
            return stock.stores()
        case "name":
            return stock.models(typed)
        case "ref":
            return _references(typed, stock)
        case "alias":
            return stock.aliases(model)
        case _:
            return stock.fields(model)


def _references(typed: str, stock: Stock) -> Iterator[Candidate]:
    """Models; after an @, or where only one model is left, what it has too."""
    name, at, _ = typed.rpartition("@")
    if not at:
        models = list(stock.models(typed))
        yield from models
        if len(models) != 1:
            return
        name = models[0].word
    for one in chain(stock.aliases(name), stock.numbers(name)):
        yield Candidate(f"{name}@{one.word}", one.meaning)


def _beginning(typed: str, found: Iterable[Candidate]) -> list[Candidate]:
    return [one for one in found if one.word.startswith(typed)]
