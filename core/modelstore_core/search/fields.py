"""What a filter may ask about, and how each thing compares. Pure."""

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from modelstore_core.model.json import Json
from modelstore_core.model.records import ModelSummary, ModelVersion

__all__ = ["MODEL", "VERSION", "Family", "Field", "Schema", "Subject", "Value", "as_number", "as_text", "is_null"]

Family: TypeAlias = Literal["text", "number", "time", "flag", "several", "loose"]
"""How a field compares.

- `text`: with texts, by equality and patterns.
- `number`: with numbers, by size.
- `time`: with times, by order.
- `flag`: with true and false.
- `several`: a set of texts, of which one must match. It is never unknown: a set without members is null, and unlike
  any text.
- `loose`: with a text as text, with a number as a number where it is one.
"""

Subject: TypeAlias = ModelVersion | ModelSummary
Value: TypeAlias = Json | datetime | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to ask about.

    Attributes:
        name: In its usual spelling.
        family: How it compares.
        read: Its value, None if there is none.
    """

    name: str
    family: Family
    read: Callable[[Subject], Value]


@dataclass(frozen=True, slots=True)
class Schema:
    """All fields of one kind of record.

    Attributes:
        plain: Fields by name, other spellings included.
        keyed: Fields with a key, such as `metrics.auc`, by what stands before the dot.
    """

    plain: Mapping[str, Field]
    keyed: Mapping[str, Callable[[str], Field]]

    def find(self, text: str) -> Field | None:
        """The field that is spelled so; blanks around dots and quotes around keys do not count."""
        head, dot, key = text.partition(".")
        head = head.strip().strip("`").lower()
        if not dot:
            return self.plain.get(head)
        if head in _ATTRIBUTE:
            return self.plain.get(_bare(key).lower())
        make = self.keyed.get(head)
        key = _bare(key)
        return make(key) if make and key else None

    def suggestion(self, text: str) -> str:
        """The end of a sentence on an unknown spelling: the known one nearest to it, if any is near."""
        head, dot, key = text.partition(".")
        known = [f"{prefix}." for prefix in self.keyed] if dot else [*self.plain, *self.keyed]
        near = difflib.get_close_matches(head.lower() + dot, known, n=1)
        return f", did you mean {near[0] + _bare(key)[:_LONGEST_KEY]!r}?" if near else "."

    def names(self) -> str:
        """The usual spellings, for messages."""
        plain = dict.fromkeys(field.name for field in self.plain.values())
        return ", ".join([*plain, *(f"{prefix}.x" for prefix in self.keyed if prefix != "tag")])


def is_null(value: Value) -> bool:
    """Whether there is no value; no alias at all is none."""
    return value is None or value == ()


def as_text(value: Value) -> str:
    """The value as a text compares with it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_number(value: Value) -> float | int | None:
    """The value as a number compares with it; None if it is none, as `true` and the text "nan" are."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in value else None


_LONGEST_KEY = 60  # in a message
_ATTRIBUTE = {"attribute", "attributes", "attr"}
_PART = re.compile(r"""\s*(?:`([^`]*)`|"([^"]*)"|'([^']*)'|([^.\s]+))\s*(?:\.|$)""")


def _bare(key: str) -> str:
    """The key without the quotes of its parts, and without blanks around its dots."""
    return ".".join(next((text for text in part if text), "") for part in _PART.findall(key))


def _of_version(read: Callable[[ModelVersion], Value]) -> Callable[[Subject], Value]:
    def value(subject: Subject) -> Value:
        assert isinstance(subject, ModelVersion)
        return read(subject)

    return value


def _of_model(read: Callable[[ModelSummary], Value]) -> Callable[[Subject], Value]:
    def value(subject: Subject) -> Value:
        assert isinstance(subject, ModelSummary)
        return read(subject)

    return value


def _plain(fields: Sequence[Field], spellings: Mapping[str, str]) -> Mapping[str, Field]:
    named = {field.name: field for field in fields}
    return {**named, **{other: named[name] for other, name in spellings.items()}}


def _metric(key: str) -> Field:
    return Field(f"metrics.{key}", "number", _of_version(lambda v: v.metrics.get(key)))


def _param(key: str) -> Field:
    return Field(f"params.{key}", "loose", _of_version(lambda v: v.params.get(key)))


def _model_param(key: str) -> Field:
    return Field(f"model_params.{key}", "loose", _of_version(lambda v: v.model_params.get(key)))


def _tag(key: str) -> Field:
    return Field(f"tags.{key}", "loose", _of_version(lambda v: v.tags.get(key)))


def _model_tag(key: str) -> Field:
    return Field(f"tags.{key}", "loose", _of_model(lambda m: m.tags.get(key)))


def _check(key: str) -> Field:
    return Field(f"checks.{key}", "flag", _of_version(lambda v: v.checks[key].passed if key in v.checks else None))


def _lineage(key: str) -> Field:
    return Field(f"lineage.{key}", "loose", _of_version(lambda v: _inside(v.lineage, key)))


def _inside(document: Json, path: str) -> Json:
    """What lies at a path of dots; a key that has dots itself comes first."""
    if not isinstance(document, Mapping):
        return None
    if path in document:
        return document[path]
    head, _, rest = path.partition(".")
    return _inside(document.get(head), rest) if rest else None


VERSION = Schema(
    plain=_plain(
        [
            Field("name", "text", _of_version(lambda v: v.name)),
            Field("number", "number", _of_version(lambda v: v.number)),
            Field("alias", "several", _of_version(lambda v: v.aliases)),
            Field("format", "text", _of_version(lambda v: v.format)),
            Field("model_type", "text", _of_version(lambda v: v.model_type)),
            Field("description", "text", _of_version(lambda v: v.description)),
            Field("digest", "text", _of_version(lambda v: v.digest)),
            Field("size", "number", _of_version(lambda v: v.size)),
            Field("created_at", "time", _of_version(lambda v: v.created_at)),
            Field("changed_at", "time", _of_version(lambda v: v.changed_at)),
            Field("created_by", "text", _of_version(lambda v: v.created_by)),
            Field("key", "text", _of_version(lambda v: v.key)),
            Field("url", "text", _of_version(lambda v: v.url)),
            Field("run_id", "loose", _of_version(lambda v: v.lineage.get("run_id"))),
            Field("deleted", "flag", _of_version(lambda v: v.deleted)),
            Field("purged", "flag", _of_version(lambda v: v.purged)),
            Field("superseded_by", "number", _of_version(lambda v: v.superseded_by)),
        ],
        {
            "version": "number",
            "version_number": "number",
            "aliases": "alias",
            "creation_timestamp": "created_at",
            "last_updated_timestamp": "changed_at",
            "user_id": "created_by",
            "source_path": "url",
        },
    ),
    keyed={
        "metrics": _metric,
        "params": _param,
        "model_params": _model_param,
        "tags": _tag,
        "tag": _tag,
        "checks": _check,
        "lineage": _lineage,
    },
)
"""What can be asked about a version."""

MODEL = Schema(
    plain=_plain(
        [
            Field("name", "text", _of_model(lambda m: m.name)),
            Field("newest", "number", _of_model(lambda m: m.newest)),
            Field("versions", "number", _of_model(lambda m: m.versions)),
            Field("alias", "several", _of_model(lambda m: tuple(sorted(m.aliases)))),
            Field("changed_at", "time", _of_model(lambda m: m.changed_at)),
            Field("description", "text", _of_model(lambda m: m.description)),
            Field("owner", "text", _of_model(lambda m: m.owner)),
            Field("deleted", "flag", _of_model(lambda m: m.deleted)),
        ],
        {"aliases": "alias", "last_updated_timestamp": "changed_at", "timestamp": "changed_at"},
    ),
    keyed={"tags": _model_tag, "tag": _model_tag},
)
"""What can be asked about a model."""
