"""What a verb's grammar is made of, and the words that several verbs have, so that they mean the same everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "ALIAS",
    "AT",
    "COMMON",
    "DRY_RUN",
    "GRAMMAR",
    "KEY",
    "LIMIT",
    "NAME",
    "ORDER_BY",
    "OVERRIDE",
    "REASON",
    "REF",
    "SOME_NAME",
    "Fill",
    "Verb",
    "Word",
    "flag",
    "operand",
    "option",
    "repeated",
    "yes",
]

Fill: TypeAlias = Literal["nothing", "name", "ref", "alias", "field", "store", "file"]
"""What a shell offers for a value."""

GRAMMAR = "NAME (its newest version), NAME@3 or NAME@champion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """An operand or an option of a verb.

    Attributes:
        names: What it is called: one bare word for an operand, those with dashes for an option.
        more: What else argparse is told of it.
        fill: What completes its value.
        group: The heading under which help has it.
        either: Words of the same mark exclude one another.
    """

    names: tuple[str, ...]
    more: Mapping[str, object]
    fill: Fill = "nothing"
    group: str = "options"
    either: str = ""

    @property
    def is_option(self) -> bool:
        """Whether it has dashes."""
        return self.names[0].startswith("-")

    @property
    def takes(self) -> Literal["nothing", "perhaps", "value"]:
        """Whether a value belongs to it."""
        if str(self.more.get("action", "")).startswith("store_"):
            return "nothing"
        return "perhaps" if self.is_option and self.more.get("nargs") == "?" else "value"

    @property
    def choices(self) -> tuple[str, ...]:
        """All values that it may have, if they are so few."""
        found = self.more.get("choices", ())
        return found if isinstance(found, tuple) else ()

    @property
    def help(self) -> str:
        """What it means."""
        return str(self.more.get("help", "")).replace("%%", "%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb of the command.

    Attributes:
        form: Its name and operands, as usage shows them.
        what: Its line in the list of verbs.
        more: What else is to be said of it.
        examples: Words that may follow its name.
        words: Its own operands and options.
        methods: The methods of `ModelStore` whose twin it is.
        other: Another name of it, for people who come from elsewhere.
    """

    form: str
    what: str
    more: str = ""
    examples: tuple[str, ...]
    words: tuple[Word, ...] = ()
    methods: tuple[str, ...] = ()
    other: str = ""

    @property
    def name(self) -> str:
        """What is typed."""
        return self.form.partition(" ")[0]

    @property
    def options(self) -> tuple[Word, ...]:
        """Its own options and those of every verb."""
        return (*(word for word in self.words if word.is_option), *COMMON)

    @property
    def operands(self) -> tuple[Word, ...]:
        """What it takes without dashes, in order."""
        return tuple(word for word in self.words if not word.is_option)


def operand(name: str, form: str, what: str, *, fill: Fill = "nothing", **more: object) -> Word:
    """A word whose place says what it is; `nargs` is "?" if it may be left out."""
    return Word(names=(name,), more={"metavar": form, "help": what, **more}, fill=fill, group="operands")


def option(
    name: str, form: str, what: str, *, fill: Fill = "nothing", group: str = "options", either: str = "", **more: object
) -> Word:
    """An option with a value."""
    return Word(names=(name,), more={"metavar": form, "help": what, **more}, fill=fill, group=group, either=either)


def repeated(name: str, form: str, what: str, *, fill: Fill = "nothing", group: str = "options") -> Word:
    """An option that may be given any number of times."""
    taken = {"metavar": form, "help": f"{what}; repeatable", "action": "append", "default": []}
    return Word(names=(name,), more=taken, fill=fill, group=group)


def flag(name: str, what: str, *, group: str = "options", either: str = "") -> Word:
    """An option without a value."""
    return Word(names=(name,), more={"action": "store_true", "help": what}, group=group, either=either)


def yes(when: str = "") -> Word:
    """The consent that a verb needs, always or only with what `when` says."""
    return flag("--yes", f"do not ask{when}; needed where there is no terminal")


REF = operand("ref", "REF", GRAMMAR, fill="ref")
NAME = operand("name", "NAME", "the model", fill="name")
SOME_NAME = operand("name", "NAME", "the model; all of them if left out", fill="name", nargs="?")
ALIAS = operand("alias", "ALIAS", "such as champion", fill="alias")
AT = option(
    "--at", "WHEN", "as it was then: 2026-03-03, 2026-03-03T12:00Z, 7d (so long ago), or 12 (the seq of a change)"
)
LIMIT = option("--limit", "N", "at most so many", type=int)
ORDER_BY = option(
    "--order-by", "TERMS", 'such as "metrics.auc DESC, number": any field, each with DESC or not', fill="field"
)
DRY_RUN = flag("--dry-run", "change nothing, and list what would be changed")
OVERRIDE = flag("--override", "also if rules say no; needs --reason")
REASON = option("--reason", "TEXT", "why, for history", default="")
KEY = option("--key", "KEY", "names this piece of work: a retry with it changes nothing")

COMMON = (
    option(
        "--store",
        "STORE",
        "./models, s3://bucket/prefix, or a name from pyproject.toml; else MODELSTORE_URL, else what that file says",
        fill="store",
    ),
    repeated(
        "--option",
        "KEY=VALUE",
        "of the storage; for S3 endpoint, region, profile, role, sse, kms_key, path_style=true etc.",
    ),
    option("--actor", "WHO", "who writes, as history shows it"),
    flag("--read-only", "refuse whatever would write, before anything is asked"),
    flag("--json", "one JSON document on stdout, errors as JSON on stderr, no questions"),
    flag(
        "--single-writer",
        "write although the storage cannot create-if-absent: only if nobody else ever writes",
    ),
)
