"""`modelstore/…` metadata: what users say on an asset, an output or an input, parsed once and for all.

On an asset or `Out` (definition metadata) and on what a run yields (output metadata, which overrides it):
`modelstore/aliases`, `modelstore/description`, `modelstore/format`, `modelstore/params`, `modelstore/tags`; on the
definition alone `modelstore/name`, because those who load must know it too. On an `AssetIn`: `modelstore/alias` or
`modelstore/version`. Any other key that begins so is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from modelstore_core import InvalidInput

__all__ = ["LoadOptions", "SaveOptions", "load_options", "metrics_of", "name_option", "save_options"]

_NAMESPACE = "modelstore/"
_DEFINITION = ("name", "aliases", "description", "format", "params", "tags")
_OUTPUT = ("aliases", "description", "format", "params", "tags")
_INPUT = ("alias", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """How an output is to be saved, beside its name."""

    aliases: tuple[str, ...] = ()
    description: str = ""
    format: str | None = None
    params: Mapping[str, object]
    tags: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Which version an input asks for by itself, if it does: by alias or by number."""

    alias: str | None = None
    version: int | None = None

    @property
    def selector(self) -> str | None:
        """What stands after the `@` of a reference."""
        return self.alias if self.version is None else str(self.version)


def save_options(definition: Mapping[str, object], output: Mapping[str, object]) -> SaveOptions:
    """The options of an output: those of its definition, overridden by those that the run gave.

    Raises:
        InvalidInput: A `modelstore/` key is unknown, or its value is not of its kind.
    """
    merged = {**_ours(definition, _DEFINITION, "the definition"), **_ours(output, _OUTPUT, "what the run yields")}
    said = {key: value for key, value in merged.items() if value is not None}
    return SaveOptions(
        aliases=_texts(said, "aliases"),
        description=_text(said, "description") or "",
        format=_text(said, "format"),
        params=_mapping(said, "params"),
        tags=_mapping(said, "tags"),
    )


def load_options(given: Mapping[str, object], upstream: Mapping[str, object]) -> LoadOptions:
    """The version that an input asks for; an asset that stands for an alias asks on behalf of its inputs.

    Raises:
        InvalidInput: A `modelstore/` key of the input is unknown, or its value is not of its kind.
    """
    said = _ours(given, _INPUT, "the input")
    if len(said) > 1:
        raise InvalidInput(
            "An input asks for 'modelstore/alias' and for 'modelstore/version'.", value=said, fix="Give one of them."
        )
    if "version" in said:
        return LoadOptions(version=_number(said["version"]))
    alias = _text(said, "alias") or _text(_stripped(upstream), "alias")
    return LoadOptions(alias=alias)


def name_option(definition: Mapping[str, object]) -> str | None:
    """The model's name, if the definition says it."""
    return _text(_stripped(definition), "name")


def metrics_of(output: Mapping[str, object]) -> dict[str, object]:
    """Every number that a run put on its output, `dagster/…` and our own keys apart; numpy's numbers too."""
    said = {key: value for key, value in output.items() if not key.startswith(("dagster/", _NAMESPACE))}
    return {key: _plain(value) for key, value in said.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    if isinstance(value, dg.MetadataValue):  # a timestamp's value is a number too, but no metric
        return isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    return getattr(value, "ndim", None) == 0 and hasattr(value, "item")


def _ours(metadata: Mapping[str, object], known: Sequence[str], where: str) -> dict[str, object]:
    said = _stripped(metadata)
    unknown = sorted(set(said) - set(known))
    if unknown:
        raise InvalidInput(
            f"{', '.join(repr(_NAMESPACE + key) for key in unknown)} is no metadata that {where} may have.",
            value=_NAMESPACE + unknown[0],
            fix=f"Known there: {', '.join(_NAMESPACE + key for key in known)}.",
        )
    return said


def _stripped(metadata: Mapping[str, object]) -> dict[str, object]:
    return {
        key.removeprefix(_NAMESPACE): _plain(value) for key, value in metadata.items() if key.startswith(_NAMESPACE)
    }


def _plain(value: object) -> object:
    return value.value if isinstance(value, dg.MetadataValue) else value


def _text(said: Mapping[str, object], key: str) -> str | None:
    value = said.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(key, value, "text")


def _texts(said: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = said.get(key, ())
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise _wrong(key, value, "a list of texts")


def _mapping(said: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = said.get(key, {})
    if isinstance(value, Mapping):
        return value
    raise _wrong(key, value, "a mapping")


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise _wrong("version", value, "a version's number")


def _wrong(key: str, value: object, kind: str) -> InvalidInput:
    return InvalidInput(f"The metadata '{_NAMESPACE}{key}' is {value!r}, not {kind}.", value=value, fix=f"Give {kind}.")
