"""The audit of what governs: rules of aliases, checks and approvals, by the stored bytes alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Governed"]

_Document: TypeAlias = dict[str, Any]
_MOST_REVIEWS = 100


@dataclass(slots=True)
class Governed:
    """The fold of rules, checks and reviews so far, told commit by commit.

    Attributes:
        rules: The alias that is guarded → the commit and the rules that it set.
        checks, reviews: What was last said of each version.
        pending: Versions and aliases of which an approval waits.
    """

    rules: dict[str, tuple[int, list[_Document]]] = field(default_factory=dict)
    checks: dict[int, _Document] = field(default_factory=dict)
    reviews: dict[int, list[_Document]] = field(default_factory=dict)
    pending: set[tuple[int, str]] = field(default_factory=set)

    def state(self) -> _Document:
        """What each commit says of it."""
        waiting = {"pending": [list(pair) for pair in sorted(self.pending)]} if self.pending else {}
        return {"rules": {alias: seq for alias, (seq, _) in self.rules.items()}, **waiting}

    def apply(self, entry: _Document) -> None:
        """Take in an entry, after asking whether it may stand where it stands."""
        op, asked = entry["op"], entry["verb"]
        match op["kind"]:
            case "set_rules":
                self._set_rules(op, entry["seq"])
            case "annotate":
                self._annotate(op, asked)
            case "set_alias" | "refuse_alias":
                self._judged(op, asked)
            case "drop_alias":
                assert op.get("override", False) == (asked == "unalias" and op["alias"] in self.rules), entry
            case "add_version":
                assert not set(op["aliases"]) & set(self.rules), f"a save went around rules: {entry}"
            case "delete" if asked == "delete":
                assert not set(op["dropped"]) & set(self.rules), f"a deletion went around rules: {entry}"
        self._settle(op)

    def _set_rules(self, op: _Document, seq: int) -> None:
        before = self.rules.pop(op["alias"], None)
        assert op["previous"] == (None if before is None else before[0]), op
        assert op["rules"] != ([] if before is None else before[1]), f"the rules were so already: {op}"
        if op["rules"]:
            self.rules[op["alias"]] = (seq, op["rules"])

    def _annotate(self, op: _Document, asked: str) -> None:
        number, delta = op["number"], op["delta"]
        before, now = self.reviews.get(number, []), op.get("reviews", [])
        if "review" in delta:
            added = [*before, delta["review"]]
            assert len(now) <= _MOST_REVIEWS, op
            assert now == added or (len(added) > _MOST_REVIEWS and _runs_in(now, added)), op
            review = delta["review"]
            pair = (number, review["alias"])
            (self.pending.add if review["verdict"] == "requested" else self.pending.discard)(pair)
        else:
            assert now == before, op
        if asked != "undo":
            assert op.get("checks", {}) == {**self.checks.get(number, {}), **delta.get("checks", {})}, op
        self.checks[number], self.reviews[number] = op.get("checks", {}), now

    def _judged(self, op: _Document, asked: str) -> None:
        passed = [finding["passed"] for finding in op["evidence"]]
        if op["kind"] == "refuse_alias":
            assert not all(passed), f"refused though all gates passed: {op}"
        else:
            assert op.get("override", False) == (not all(passed)), f"moved against its evidence: {op}"
        if asked == "promote" and op["alias"] in self.rules:
            assert len(passed) >= len(self.rules[op["alias"]][1]), f"not all rules were judged: {op}"

    def _settle(self, op: _Document) -> None:
        arrived = _arrivals(op)
        gone = {op["number"]} if op["kind"] in {"delete", "purge"} else {op.get("supersedes")}
        self.pending = {pair for pair in self.pending if pair not in arrived and pair[0] not in gone}


def _arrivals(op: Mapping[str, Any]) -> set[tuple[int, str]]:
    match op["kind"]:
        case "set_alias":
            return {(op["number"], op["alias"])}
        case "restore" | "add_version":
            return {(op["number"], alias) for alias in op.get("aliases", {})}
        case "delete":
            return {(move["number"], alias) for alias, move in op.get("returned", {}).items()}
        case _:
            return set()


def _runs_in(some: list[_Document], all_of_them: list[_Document]) -> bool:
    """Whether these are among those, in their order."""
    rest = iter(all_of_them)
    return all(one in rest for one in some)
