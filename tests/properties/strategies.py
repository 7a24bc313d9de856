"""Values of every kind that a store writes, and bytes that are almost what it wrote."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from hypothesis import strategies as st

from modelstore_core.documents.commit import Commit, write_commit
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.operations import (
    About,
    AddVersion,
    Annotate,
    Arrive,
    CheckResult,
    Close,
    Condemn,
    Delete,
    Describe,
    DropAlias,
    Entry,
    Finding,
    Move,
    MoveAway,
    Operation,
    Purge,
    RefuseAlias,
    Reopen,
    Restore,
    Review,
    SetAlias,
    SetRules,
    Verb,
    Verdict,
)
from modelstore_core.model.state import AliasState, Closed, Pointer, State

text = st.text(st.characters(codec="utf-8"), max_size=30)
long_text = st.one_of(text, st.text(st.characters(codec="utf-8"), min_size=300, max_size=900))
counts = st.integers(0, 2**63 - 1)
numbers = st.integers(1, 10**9)
hexes = st.binary(min_size=16, max_size=16).map(bytes.hex)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
aliases = st.from_regex(r"[A-Za-z_-][A-Za-z0-9_-]{0,40}", fullmatch=True)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)
json_objects = st.dictionaries(text, json_values, max_size=4)
metric_values = st.floats() | st.integers(-(2**70), 2**70)
metrics = st.dictionaries(text, metric_values, max_size=5)
tags = st.dictionaries(text, long_text, max_size=3)

_part = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="/\\:"), min_size=1, max_size=12
)
paths = st.lists(_part.filter(lambda part: part not in {".", ".."}), min_size=1, max_size=3).map("/".join)


@st.composite
def versions(draw: st.DrawFn) -> AddVersion:
    names = draw(st.lists(paths, max_size=4, unique_by=str.casefold))
    number = draw(numbers)
    moved = sorted(draw(st.sets(aliases, max_size=3)))
    return AddVersion(
        number=number,
        data=draw(hexes),
        digest=f"sha256:{draw(digests)}",
        size=draw(counts),
        format=draw(text),
        files=tuple(FileEntry(path=name, size=draw(counts), sha256=draw(digests)) for name in names),
        loads=tuple(names[:2]),
        model_type=draw(text),
        metrics=draw(metrics),
        params=draw(json_objects),
        tags=draw(tags),
        description=draw(long_text),
        lineage=draw(json_objects),
        environment=draw(json_objects),
        signature=draw(st.none() | json_objects),
        globals=tuple(draw(st.lists(text, max_size=3))),
        model_params=draw(json_objects),
        supersedes=draw(st.none() | numbers),
        aliases=tuple(
            Move(alias=a, number=number, previous=draw(st.none() | numbers), back=draw(st.none() | numbers))
            for a in moved
        ),
    )


findings = st.builds(
    Finding,
    rule=text,
    metric=text,
    candidate=st.none() | metric_values,
    current=st.none() | metric_values,
    passed=st.booleans(),
    message=long_text,
)
evidence = st.lists(findings, max_size=3).map(tuple)
times = st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0"))
checks = st.builds(CheckResult, passed=st.booleans(), actor=text, time=times, message=long_text)
reviews = st.builds(
    Review, alias=aliases, verdict=st.sampled_from(get_args(Verdict)), actor=text, time=times, comment=long_text
)
abouts = st.builds(About, description=text, tags=st.dictionaries(text, text, max_size=3), owner=text)
moves = st.builds(Move, alias=aliases, number=numbers, previous=st.none() | numbers, back=st.none() | numbers)
moved = st.lists(moves, max_size=3, unique_by=lambda move: move.alias).map(
    lambda found: tuple(sorted(found, key=lambda move: move.alias))
)
operations: st.SearchStrategy[Operation] = st.one_of(
    versions(),
    st.builds(SetAlias, move=moves, record=numbers, reason=long_text, evidence=evidence, override=st.booleans()),
    st.builds(
        RefuseAlias, alias=aliases, number=numbers, current=st.none() | numbers, reason=long_text, evidence=evidence
    ),
    st.builds(DropAlias, alias=aliases, number=numbers, reason=long_text, override=st.booleans()),
    st.builds(
        Annotate,
        number=numbers,
        record=numbers,
        delta=json_objects,
        metrics=metrics,
        tags=tags,
        description=long_text,
        checks=st.dictionaries(text, checks, max_size=2),
        reviews=st.lists(reviews, max_size=2).map(tuple),
    ),
    st.builds(
        Delete,
        number=numbers,
        record=numbers,
        dropped=st.lists(aliases, max_size=3).map(tuple),
        returned=moved,
        reason=long_text,
    ),
    st.builds(Restore, number=numbers, record=numbers, aliases=moved, reason=long_text),
    st.builds(Condemn, ids=st.lists(hexes, max_size=40).map(tuple)),
    st.builds(Purge, number=numbers, record=numbers, dropped=st.lists(aliases, max_size=3).map(tuple)),
    st.builds(
        SetRules,
        alias=aliases,
        rules=st.lists(json_objects, max_size=2).map(tuple),
        previous=st.none() | numbers,
        reason=long_text,
    ),
    st.builds(Describe, about=abouts, delta=json_objects),
    st.builds(Close, reason=long_text),
    st.builds(Reopen, reason=long_text),
    st.builds(MoveAway, to=text, reason=long_text),
    st.builds(Arrive, origin=text),
)
verbs: st.SearchStrategy[Verb] = st.sampled_from(get_args(Verb))
entries = st.builds(
    Entry,
    seq=st.integers(1, 10**18),
    op_id=hexes,
    verb=verbs,
    actor=text,
    time=times,
    op=operations,
    key=st.none() | text,
    attempt=st.integers(0, 100),
    undoes=st.none() | numbers,
)
pointers = st.builds(
    Pointer, number=numbers, record=numbers, annotated=st.none() | numbers, superseded_by=st.none() | numbers
)
states = st.builds(
    State,
    next=numbers,
    live=counts,
    newest=st.none() | pointers,
    aliases=st.dictionaries(aliases, st.builds(AliasState, target=pointers, set=numbers), max_size=3),
    rules=st.dictionaries(aliases, numbers, max_size=3),
    pending=st.frozensets(st.tuples(numbers, aliases), max_size=3),
    about=st.none() | abouts,
    closed=st.none() | st.builds(Closed, seq=numbers, to=st.none() | text),
    moving=st.none() | text,
)


@st.composite
def chains(draw: st.DrawFn, longest: int = 5) -> list[tuple[Commit, bytes]]:
    """Some commits, each following the one before, and their bytes."""
    chain: list[tuple[Commit, bytes]] = []
    for seq, entry in enumerate(draw(st.lists(entries, min_size=1, max_size=longest)), start=1):
        base = chain[-1][0] if chain else None
        chain.append(write_commit("m", base, replace(entry, seq=seq), draw(states)))
    return chain


@st.composite
def mangled(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes that came of these by truncation, by flipped bits, or by another value somewhere in the JSON.

    Another value comes mostly without the document's sum, which would notice it before anything else is looked at.
    """
    kind = draw(st.sampled_from(["cut", "flip", "value", "value", "value"]))
    if kind == "cut":
        return raw[: draw(st.integers(0, len(raw)))]
    if kind == "flip":
        changed = bytearray(raw)
        for place in draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
            changed[place] ^= 1 << draw(st.integers(0, 7))
        return bytes(changed)
    document = json.loads(raw)
    if draw(st.integers(0, 9)):
        document.pop("sum", None)
    return json.dumps(_revalued(draw, document), ensure_ascii=draw(st.booleans())).encode(errors="replace")


_odd: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.sampled_from([None, -1, 0, 1, 2, 5, 10**30, 1e308, True, "", "..", "../x", "\ud800", [], {}, [[]], "m", "NaN"]),
)


def _revalued(draw: st.DrawFn, document: Any) -> Any:
    """The document with one value in it replaced, removed, or put under another name."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 9)) == 0:
        return draw(_odd)
    if isinstance(document, list):
        place = draw(st.integers(0, len(document) - 1))
        return [_revalued(draw, value) if i == place else value for i, value in enumerate(document)]
    return _with_another_value(draw, document)


def _with_another_value(draw: st.DrawFn, document: Mapping[str, Any]) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(document)))
    changed = dict(document)
    match draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "rename", "add"])):
        case "remove":
            del changed[name]
        case "rename":
            changed[draw(text)] = changed.pop(name)
        case "add":
            changed[draw(text)] = draw(_odd)
        case _:
            changed[name] = _revalued(draw, changed[name])
    return changed
