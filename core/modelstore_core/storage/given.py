"""Credentials that a store is given by its caller, for those who keep them elsewhere than where clients look.

What is given is never the credentials, but a function that gets them: it is asked when a connection is made, in each
process anew, so that handles pickle and show themselves without a secret as long as that function does.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from modelstore_core.errors import InvalidInput

__all__ = ["GivenBy", "Kind", "ask"]

GivenBy: TypeAlias = Callable[[], Mapping[str, str]]
"""Gets credentials, by the names of the environment variables that would hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to prove who one is.

    Attributes:
        names: What it takes.
        optional: What may come with it.
        weaker_than: Variables of the environment that the client would follow instead, whatever it is told.
    """

    names: tuple[str, ...]
    optional: tuple[str, ...] = ()
    weaker_than: tuple[str, ...] = ()


def ask(source: GivenBy, kinds: Sequence[Kind], url: str) -> Mapping[str, str]:
    """The credentials, all of one kind; `InvalidInput`, which tells names and never what they hold, if they are not."""
    said: object = source()
    given = {name: text for name, text in said.items() if text} if isinstance(said, Mapping) else {}
    kind = next((kind for kind in kinds if _is_of(kind, given)), None)
    if kind is None:
        raise InvalidInput(
            f"The credentials for {url!r} are not understood: they hold {_list(given) or 'nothing'}.",
            value=sorted(map(str, given)),
            fix=f"Give {' or '.join(map(_described, kinds))}, as texts.",
        )
    if stronger := [name for name in kind.weaker_than if os.environ.get(name)]:
        raise InvalidInput(
            f"{stronger[0]} is set in the environment, and would be used for {url!r} instead of the credentials given.",
            value=stronger[0],
            fix="Unset it, or give no credentials.",
        )
    return given


def _is_of(kind: Kind, given: Mapping[object, object]) -> bool:
    texts = all(isinstance(text, str) for text in given.values())
    return texts and set(kind.names) <= set(given) <= {*kind.names, *kind.optional}


def _described(kind: Kind) -> str:
    optional = f" (and {_list(kind.optional)})" if kind.optional else ""
    return f"{_list(kind.names)}{optional}"


def _list(names: "Mapping[object, object] | Sequence[str]") -> str:
    return ", ".join(sorted(map(str, names)))
