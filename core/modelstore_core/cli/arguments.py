"""From the words of a command line to values: pairs, numbers, spans of time, expectations."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from modelstore_core.errors import InvalidInput
from modelstore_core.model.json import Json
from modelstore_core.registry.decisions import ANY, Expectation

__all__ = [
    "OWN_OPTIONS",
    "expectation",
    "metrics",
    "moment",
    "numbers",
    "options",
    "outcomes",
    "params",
    "removals",
    "span",
    "texts",
    "trust",
]

OWN_OPTIONS = frozenset(
    [
        "actor",
        "cache",
        "cache_size",
        "credentials",
        "patience",
        "progress",
        "read_only",
        "single_writer",
        "trust",
        "url",
    ]
)
"""What `ModelStore` takes besides the options of a storage, and what therefore must not come in as one."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SWITCHES = {"true": True, "false": False}


def metrics(words: Sequence[str]) -> dict[str, float | int]:
    """`auc=.93` → numbers; an integer stays one, and `nan` and `inf` are numbers too."""
    return numbers("--metric", words)


def numbers(option: str, words: Sequence[str]) -> dict[str, float | int]:
    """`auc=.9` → numbers by name, for any option that takes them."""
    return {name: _number(option, name, text) for name, text in _pairs(option, words).items()}


def params(words: Sequence[str]) -> dict[str, Json]:
    """`C=0.1` → what the text says as JSON; text that is no JSON stays text."""
    return {name: _loose(text) for name, text in _pairs("--param", words).items()}


def texts(option: str, words: Sequence[str]) -> dict[str, str]:
    """`team=risk` → texts, whatever they look like."""
    return dict(_pairs(option, words))


def trust(words: Sequence[str]) -> str | list[str]:
    """One level, or the exact names that are allowed besides what is listed; "listed" without any."""
    if len(words) == 1 and "." not in words[0]:
        return words[0]
    return list(words) or "listed"


def options(words: Sequence[str], option: str = "--option") -> dict[str, str | bool]:
    """`region=eu-west-1` → text, `anonymous=true` → a truth value; names may be written with dashes."""
    pairs = {name.replace("-", "_"): text for name, text in _pairs(option, words).items()}
    taken = sorted(set(pairs) & OWN_OPTIONS)
    if taken:
        raise InvalidInput(
            f"{option} {taken[0]} is no option of a storage.", value=taken[0], fix="`mstore --help` lists what is."
        )
    return {name: _SWITCHES.get(text.lower(), text) for name, text in pairs.items()}


def outcomes(passed: Sequence[str], failed: Sequence[str]) -> dict[str, tuple[bool, str]]:
    """`drift`, or `drift=3 sigma`, that passed and that failed → what `annotate` takes for outcomes of checks.

    Raises:
        InvalidInput: A check is named twice.
    """
    found: dict[str, tuple[bool, str]] = {}
    for words, verdict in ((passed, True), (failed, False)):
        for word in words:
            name, _, text = word.partition("=")
            if name in found:
                raise InvalidInput(f"The check {name} is given twice.", value=word, fix="Give each check once.")
            found[name] = (verdict, text)
    return found


def expectation(word: str | None) -> Expectation:
    """`3` → 3, `none` → None (no such alias yet), nothing → whatever is there."""
    if word is None:
        return ANY
    if word == "none":
        return None
    if word.isascii() and word.isdigit() and not word.startswith("0"):
        return int(word)
    raise InvalidInput(
        f"--expect {word!r} is neither a version number nor 'none'.",
        value=word,
        fix="Write --expect 3 or --expect none.",
    )


def span(option: str, word: str) -> timedelta:
    """`24h`, `7d`, `90m`, `2w`, `30s` → that long; `0` is no time at all."""
    match = _SPAN.fullmatch(word)
    if match is None and word != "0":
        raise InvalidInput(
            f"{option} {word!r} is no span of time.",
            value=word,
            fix=f"Write {option} 24h: with s, m, h, d or w.",
        )
    try:
        return timedelta() if match is None else float(match[1]) * _UNITS[match[2]]
    except OverflowError as error:
        raise InvalidInput(f"{option} {word!r} is beyond all time.", value=word, fix="Write less.") from error


def moment(word: str, now: datetime) -> int | datetime | str:
    """`12` → the seq of a change, `7d` → so long before now; days and times are left to `at`, which understands them.

    Raises:
        InvalidInput: It is longer ago than all time.
    """
    if word.isascii() and word.isdigit():
        return int(word)
    if _SPAN.fullmatch(word) is None:
        return word
    try:
        return now - span("--at", word)
    except OverflowError as error:
        raise InvalidInput(f"--at {word!r} is before all time.", value=word, fix="Write less.") from error


def removals(option: str, names: Sequence[str], kept: Mapping[str, object]) -> dict[str, None]:
    """The names as what `annotate` takes for 'remove this'.

    Raises:
        InvalidInput: A name is to be set and removed in one command.
    """
    both = sorted(set(names) & set(kept))
    if both:
        raise InvalidInput(f"{option} {both[0]} is also set by this command.", value=both[0], fix="Do one of the two.")
    return dict.fromkeys(names)


def _pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise InvalidInput(f"{option} {word!r} is not NAME=VALUE.", value=word, fix=f"Write {option} name=value.")
        if name in pairs:
            raise InvalidInput(f"{option} {name} is given twice.", value=word, fix="Give each name once.")
        pairs[name] = text
    return pairs


def _number(option: str, name: str, text: str) -> float | int:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise InvalidInput(
        f"{option} {name}={text!r} is not a number.", value=text, fix=f"Write {option} {name}=0.93, with a number."
    )


def _loose(text: str) -> Json:
    try:
        value: Json = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    return value
