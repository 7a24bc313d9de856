"""`modelstore/…` metadata: what users say on an asset, an output or an input, parsed once and for all.

On an asset or `Out` (definition metadata) and on what a run yields (output metadata, which overrides it):
`modelstore/aliases`, `modelstore/description`, `modelstore/extra_files`, `modelstore/format`,
`modelstore/input_example`, `modelstore/params`, `modelstore/prove`, `modelstore/tags`; on the definition alone
`modelstore/name`, because those who load must know it too. On an `AssetIn`: `modelstore/alias`, `modelstore/version`,
or `modelstore/where` and `modelstore/order_by`. Any other key that begins so is an error. The assets that stand for an
alias have `modelstore/alias` themselves, and those that are looked at now and then `modelstore/observed`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from dagster_modelstore.examples import decoded
from modelstore_core import InvalidInput

__all__ = [
    "LoadOptions",
    "SaveOptions",
    "alias_option",
    "load_options",
    "metrics_of",
    "name_option",
    "observed_option",
    "save_options",
]

_NAMESPACE = "modelstore/"
_OUTPUT = ("aliases", "description", "extra_files", "format", "input_example", "params", "prove", "tags")
_DEFINITION = ("name", *_OUTPUT)
_INPUT = ("alias", "version", "where", "order_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """How an output is to be saved, beside its name."""

    aliases: tuple[str, ...] = ()
    description: str = ""
    extra_files: tuple[str, ...] | Mapping[str, str] = ()
    format: str | None = None
    input_example: object = None
    params: Mapping[str, object]
    prove: bool | float = False
    tags: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """Which version an input asks for by itself, if it does: by alias, by number, or by what is recorded of it."""

    alias: str | None = None
    version: int | None = None
    where: str | None = None
    order_by: str | None = None

    @property
    def is_search(self) -> bool:
        """Whether versions are looked through."""
        return self.where is not None or self.order_by is not None

    @property
    def is_set(self) -> bool:
        """Whether it asks for anything."""
        return self.is_search or self.alias is not None or self.version is not None


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
        extra_files=_files(said),
        format=_text(said, "format"),
        input_example=decoded(said["input_example"]) if "input_example" in said else None,
        params=_mapping(said, "params"),
        prove=_limit(said),
        tags=_mapping(said, "tags"),
    )


def load_options(given: Mapping[str, object], upstream: Mapping[str, object]) -> LoadOptions:
    """The version that an input asks for; an asset that stands for an alias asks on behalf of its inputs.

    Raises:
        InvalidInput: A `modelstore/` key of the input is unknown, or its value is not of its kind; or it asks in two
            ways.
    """
    said = _ours(given, _INPUT, "the input")
    ways = sorted({"where" if key == "order_by" else key for key in said})
    if len(ways) > 1:
        raise InvalidInput(
            f"An input asks for {' and for '.join(repr(_NAMESPACE + way) for way in ways)}.",
            value=said,
            fix="Give one of them.",
        )
    if not said:
        return LoadOptions(alias=_text(_stripped(upstream), "alias"))
    return LoadOptions(
        alias=_text(said, "alias"),
        version=_number(said["version"]) if "version" in said else None,
        where=_text(said, "where"),
        order_by=_text(said, "order_by"),
    )


def name_option(definition: Mapping[str, object]) -> str | None:
    """The model's name, if the definition says it."""
    return _text(_stripped(definition), "name")


def alias_option(definition: Mapping[str, object]) -> str | None:
    """The alias that an asset stands for, if it does."""
    return _text(_stripped(definition), "alias")


def observed_option(definition: Mapping[str, object]) -> bool:
    """Whether the asset is looked at now and then: its data version is that of its last observation."""
    return _stripped(definition).get("observed") is True


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


def _files(said: Mapping[str, object]) -> tuple[str, ...] | Mapping[str, str]:
    value = said.get("extra_files", ())
    if isinstance(value, Mapping):
        return {str(name): str(path) for name, path in value.items()}
    return _texts(said, "extra_files")


def _limit(said: Mapping[str, object]) -> bool | float:
    value = said.get("prove", False)
    if isinstance(value, bool | int | float):
        return value
    raise _wrong("prove", value, "true, false or a number of seconds")


def _number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise _wrong("version", value, "a version's number")


def _wrong(key: str, value: object, kind: str) -> InvalidInput:
    return InvalidInput(f"The metadata '{_NAMESPACE}{key}' is {value!r}, not {kind}.", value=value, fix=f"Give {kind}.")
