"""What a log adds up to, told entry by entry, with everything in which an entry contradicts those before it. Pure.

The state after each entry is that of `transitions.after`, as writers compute it; here it is fed by the whole log
instead of by a view. Of a version only what a check needs is kept, some hundred bytes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from modelstore_core.model.operations import (
    AddVersion,
    Annotate,
    Arrive,
    Close,
    Condemn,
    Delete,
    DropAlias,
    Entry,
    Move,
    MoveAway,
    Operation,
    Purge,
    Reopen,
    Restore,
    SetAlias,
    SetRules,
    moves_of,
)
from modelstore_core.model.state import AliasState, Pointer, State
from modelstore_core.registry.transitions import after

__all__ = ["Contents", "Held", "Ledger", "contents_of"]


@dataclass(slots=True)
class Contents:
    """How many files a folder has, of which size together, and a fingerprint of their paths and sizes in any order."""

    count: int = 0
    size: int = 0
    print: int = 0

    def add(self, path: str, size: int) -> None:
        """Take in one file."""
        named = hashlib.blake2b(f"{size}/{path}".encode(), digest_size=16).digest()
        self.count += 1
        self.size += size
        self.print = (self.print + int.from_bytes(named, "big")) & ((1 << 128) - 1)


def contents_of(files: Iterable[tuple[str, int]]) -> Contents:
    """The contents of a folder with files of these paths and sizes."""
    contents = Contents()
    for path, size in files:
        contents.add(path, size)
    return contents


@dataclass(slots=True, kw_only=True)
class Held:
    """One version, as far as a check needs to know it."""

    number: int
    record: int
    data: str
    contents: Contents
    annotated: int | None = None
    superseded_by: int | None = None
    deleted: bool = False
    purged: bool = False

    @property
    def live(self) -> bool:
        """Neither deleted, purged nor superseded."""
        return not (self.deleted or self.purged or self.superseded_by is not None)

    @property
    def pointer(self) -> Pointer:
        """Where it stands in the log."""
        return Pointer(
            number=self.number, record=self.record, annotated=self.annotated, superseded_by=self.superseded_by
        )


@dataclass(slots=True)
class Ledger:
    """The fold of a log so far.

    Attributes:
        state: What holds now.
        versions: Every version by number.
        owners: Data id → number of the version whose files lie there.
        condemned: The data ids that belong to no version and never will.
        keys: sha256 of each idempotency key → seq of its first commit.
        op_ids: That of each commit, by its seq; "" at 0.
        whole: Whether every entry so far was told: else some facts are missing, and nothing is held against an entry.
    """

    state: State = field(default_factory=State)
    versions: dict[int, Held] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    condemned: set[str] = field(default_factory=set)
    keys: dict[bytes, int] = field(default_factory=dict)
    op_ids: list[str] = field(default_factory=lambda: [""])
    whole: bool = True
    _said: State | None = None

    def skip(self) -> None:
        """Pass over an entry that nobody can tell any more."""
        self.op_ids.append("")
        self.whole = False

    def tell(self, entry: Entry, state: State | None) -> list[str]:
        """Take in the next entry, whose commit says that `state` holds after it (None: that is not known).

        Returns:
            In what it contradicts the entries before it, as ends of a sentence that begins with the commit.
        """
        if entry.seq == 1 and state is not None:
            # Nothing but the first commit says that a log is another's, being renamed: the fold begins with that.
            self.state = replace(self.state, moving=state.moving)
        problems = self._contradictions(entry)
        expected = self._after(self.state, entry)
        if state is not None and expected is not None and state != expected:
            # Whoever builds on a commit carries its lie on: it is held against the first one only.
            if self._said is None or state != self._after(self._said, entry):
                problems.append(f"says that {_difference(state, expected)}")
            self._said = state
        else:
            self._said = None
        self.state = (expected if self.whole else None) or state or self.state
        self._note(entry)
        return problems if self.whole else []

    def _contradictions(self, entry: Entry) -> list[str]:
        problems = []
        if entry.op_id in self.op_ids[-1:]:
            problems.append("has the op id of the commit before it")
        problems += [f"moves {m.alias!r} from {m.previous}, where it was not" for m in moves_of(entry) if self._off(m)]
        return problems + self._of_op(entry)

    def _of_op(self, entry: Entry) -> list[str]:
        match entry.op:
            case AddVersion() as op:
                return self._of_new(op)
            case Condemn(ids=ids):
                taken = sorted({self.owners[i] for i in ids if i in self.owners})
                return [f"condemns the files of version {number}" for number in taken]
            case SetAlias(move=move, record=record):
                return self._of_known(move.number, record, entry)
            case Annotate() | Delete() | Restore() | Purge() as op:
                return self._of_known(op.number, op.record, entry)
            case op:
                return self._of_whole(op)

    def _of_whole(self, op: Operation) -> list[str]:
        closed = self.state.closed
        match op:
            case DropAlias(alias=alias, number=number):
                current = self.state.aliases.get(alias)
                there = current is not None and current.target.number == number
                return [] if there else [f"drops {alias!r} from version {number}, where it was not"]
            case SetRules(alias=alias, previous=previous) if previous != self.state.rules.get(alias):
                return [f"replaces rules of {alias!r} that were not the ones in force"]
            case MoveAway() if self.state.coming is not None:
                return []  # it never comes, whatever was repeated last
            case Close() | MoveAway() if closed is not None:
                return ["closes the model, which is closed"]
            case Reopen() if closed is None or closed.to is not None:
                return ["opens the model, which is not deleted"]
            case Arrive(origin=origin) if self.state.moving is None:
                return [f"says that the model arrived from {origin!r}, whence it was not moving"]
            case _:
                return []

    def _off(self, move: Move) -> bool:
        current = self.state.aliases.get(move.alias)
        return move.previous != (None if current is None else current.target.number)

    def _of_new(self, op: AddVersion) -> list[str]:
        problems = []
        if op.number != self.state.next:
            problems.append(f"adds version {op.number}, where {self.state.next} was the next")
        if op.data in self.owners or op.data in self.condemned:
            problems.append(f"adds version {op.number} with files that are not its own")
        if op.supersedes is not None and op.supersedes not in self.versions:
            problems.append(f"supersedes version {op.supersedes}, which does not exist")
        return problems

    def _of_known(self, number: int, record: int, entry: Entry) -> list[str]:
        version = self.versions.get(number)
        if version is None or version.record != record:
            return [f"is about version {number} of log/{record}, which does not exist"]
        aliases = sorted(name for name, alias in self.state.aliases.items() if alias.target.number == number)
        match entry.op:
            case SetAlias() if version.deleted or version.purged:
                return [f"points an alias to version {number}, which is not to be had"]
            case Delete() as op if version.deleted or sorted([*op.dropped, *(m.alias for m in op.returned)]) != aliases:
                return [f"deletes version {number} twice, or without its aliases"]
            case Restore() if version.purged or not version.deleted:
                return [f"restores version {number}, which is not deleted"]
            case Purge() if self.state.closed is None and (version.live or aliases):
                return [f"purges version {number}, which is live or has an alias"]
            case Purge(dropped=dropped) if sorted(dropped) != aliases:
                return [f"purges version {number} without its aliases"]
            case _:
                return []

    def _after(self, state: State, entry: Entry) -> State | None:
        """The state after the entry; None if too little is known of the versions that it is about."""
        op, seq, versions = entry.op, entry.seq, self.versions
        match op:
            case AddVersion(supersedes=None):
                return after(state, seq, op)
            case AddVersion(supersedes=int() as older) if older in versions:
                return after(state, seq, op, was_live=versions[older].live)
            case SetAlias(move=move) if move.number in versions:
                return after(state, seq, op, target=versions[move.number].pointer)
            case Delete() | Purge() if {op.number, *(m.number for m in _back(op))} <= versions.keys():
                returned = {move.alias: versions[move.number].pointer for move in _back(op)}
                live, heir = versions[op.number].live, self._heir(op.number)
                return after(state, seq, op, heir=heir, was_live=live, returned=returned)
            case Restore(number=number) if number in versions:
                version = versions[number]
                return after(state, seq, op, target=version.pointer, was_live=version.superseded_by is None)
            case AddVersion() | SetAlias() | Delete() | Restore() | Purge():
                return None
            case _:
                return after(state, seq, op)

    def _heir(self, number: int) -> Pointer | None:
        """Where the newest live version other than this one stands."""
        for candidate in range(self.state.next - 1, 0, -1):
            version = self.versions.get(candidate)
            if version is not None and version.live and candidate != number:
                return version.pointer
        return None

    def _note(self, entry: Entry) -> None:
        self.op_ids.append(entry.op_id)
        if entry.key is not None:
            self.keys.setdefault(hashlib.sha256(entry.key.encode()).digest(), entry.seq)
        match entry.op:
            case AddVersion() as op:
                self._add(op, entry.seq)
            case Condemn(ids=ids):
                self.condemned.update(ids)
            case Annotate(number=number) | Delete(number=number) | Restore(number=number) | Purge(number=number):
                version = self.versions.get(number)
                if version is not None:
                    _step(version, entry)
            case _:
                pass

    def _add(self, op: AddVersion, seq: int) -> None:
        contents = contents_of((file.path, file.size) for file in op.files)
        self.versions[op.number] = Held(number=op.number, record=seq, data=op.data, contents=contents)
        self.owners[op.data] = op.number
        if op.supersedes is not None and op.supersedes in self.versions:
            self.versions[op.supersedes].superseded_by = op.number


def _back(op: Delete | Purge) -> tuple[Move, ...]:
    return op.returned if isinstance(op, Delete) else ()


def _step(version: Held, entry: Entry) -> None:
    match entry.op:
        case Annotate():
            version.annotated = entry.seq
        case Delete():
            version.deleted = True
        case Restore():
            version.deleted = False
        case _:
            version.purged = True


def _difference(said: State, expected: State) -> str:
    """What of a state is not what the log leads to; the first thing of many."""
    for name in ("next", "live", "newest"):
        if getattr(said, name) != getattr(expected, name):
            return f"`{name}` is {_shown(getattr(said, name))}, and the log leads to {_shown(getattr(expected, name))}"
    for name in ("rules", "pending", "about", "closed", "moving"):
        if getattr(said, name) != getattr(expected, name):
            return f"`{name}` is other than the log leads to"
    for name in sorted({*said.aliases, *expected.aliases}):
        ours, theirs = _target(said.aliases.get(name)), _target(expected.aliases.get(name))
        if ours != theirs:
            return f"the alias {name!r} is {ours}, and the log leads to {theirs}"
    return "something holds that the log does not lead to"


def _shown(value: object) -> str:
    return _pointer(value) if isinstance(value, Pointer) else str(value)


def _pointer(pointer: Pointer) -> str:
    more = "" if pointer.annotated is None else f", annotated by log/{pointer.annotated}"
    more += "" if pointer.superseded_by is None else f", superseded by {pointer.superseded_by}"
    return f"version {pointer.number} of log/{pointer.record}{more}"


def _target(alias: AliasState | None) -> str:
    return "nothing" if alias is None else f"{_pointer(alias.target)}, set by log/{alias.set}"
