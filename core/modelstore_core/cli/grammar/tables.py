"""All verbs: by heading, as the overview has them, and by name."""

from collections.abc import Mapping

from modelstore_core.cli.grammar import governing, keeping, moving, reading, shells, whole, writing
from modelstore_core.cli.grammar.parts import Verb

__all__ = ["GROUPS", "module_of", "overview", "spoken", "verb_named"]

GROUPS: Mapping[str, tuple[str, tuple[Verb, ...]]] = {
    "Read": ("reading", reading.VERBS),
    "Write": ("writing", writing.VERBS),
    "Aliases and rules": ("governing", governing.VERBS),
    "Models": ("whole", whole.VERBS),
    "Keep": ("keeping", keeping.VERBS),
    "Move in and out": ("moving", moving.VERBS),
    "Shell": ("shells", shells.VERBS),
}
"""Heading → the module below `cli.verbs` that carries its verbs out, and the verbs."""

_INDENT = 15


def verb_named(name: str) -> Verb | None:
    """The verb of this name, or of this other name; None if there is none."""
    return next((verb for verb in _all() if name in (verb.name, verb.other) and name), None)


def module_of(verb: Verb) -> str:
    """The module below `cli.verbs` that carries it out."""
    return next(module for module, verbs in GROUPS.values() if verb in verbs)


def spoken() -> Mapping[str, Verb]:
    """Whatever can be typed as a verb."""
    return {name: verb for verb in _all() for name in (verb.name, verb.other) if name}


def overview() -> str:
    """All verbs under their headings, a line each."""
    parts = []
    for heading, (_, verbs) in GROUPS.items():
        lines = [f"  {_called(verb):<{_INDENT}}{verb.what}" for verb in verbs]
        parts.append("\n".join([f"{heading}:", *lines]))
    return "\n\n".join(parts)


def _all() -> tuple[Verb, ...]:
    return tuple(verb for _, verbs in GROUPS.values() for verb in verbs)


def _called(verb: Verb) -> str:
    return f"{verb.name}, {verb.other}" if verb.other else verb.name
