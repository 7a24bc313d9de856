"""Saving a version: its files first, under an id that nobody else knows, then one commit that publishes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from modelstore_core.artifacts.earlier import Earlier, version_files
from modelstore_core.documents.sidecars import Claim
from modelstore_core.errors import AttemptSuperseded, Corrupt
from modelstore_core.model.digest import FileEntry, digest_of
from modelstore_core.model.json import JsonObject
from modelstore_core.model.operations import AddVersion, Condemn, Move
from modelstore_core.registry.fold import Folded, fold
from modelstore_core.registry.guarded import refuse_guarded
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import LOADING, NOTHING, View
from modelstore_core.registry.writer import Answer, Append, Decision, Outcome, Request, Sight, Start, Writer

__all__ = ["Draft", "Prove", "Source", "save"]


class Source(Protocol):
    """Where a version's files come from: a folder they were made in, or another store."""

    @property
    def data_id(self) -> str:
        """The id under which they are sent first; chosen after the sight that the save begins with."""

    @property
    def heavy(self) -> bool:
        """Whether to look first, one round longer, for what need not be sent."""

    @property
    def known(self) -> Sequence[FileEntry] | None:
        """The files, if they are known before they are sent: then none is sent that makes no version."""

    def claimed(self) -> None:
        """Hear that a later attempt will find the id of this one, and so the files that it has finished."""

    def sends(
        self, data_id: str, take: Callable[[FileEntry], object], earlier: Sequence[Earlier]
    ) -> Sequence[Callable[[], object]]:
        """Calls, free to run side by side, that put the files at `data_id` and give `take` each one's entry."""


class _CondemnedError(Exception):
    """A collector has claimed the id under which the files were sent."""


class _UnsentError(Exception):
    """A version is to be made of files that have not been sent yet."""


class _UnprovedError(Exception):
    """A version is to be made of files that have been sent, and nobody has tried them yet."""


Prove: TypeAlias = Callable[[str, Sequence[FileEntry]], JsonObject]
"""Tries the files that lie under an id, and says what came of it for the record; raises if they will not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that is to be: all of its record but number, id and files; and the aliases it is to start with.

    With `prove`, its files are tried once they have been sent, and before a commit names them.
    """

    record: AddVersion
    aliases: tuple[str, ...]
    prove: Prove | None = None


class _Save:
    """One save on its way: the id in use, what was sent under it, and from where the log is to be checked."""

    def __init__(self, writer: Writer, sight: Sight, source: Source, draft: Draft, request: Request) -> None:
        self.writer = writer
        self.sight = sight
        self.source = source
        self.draft = draft
        self.request = request
        self.files: list[FileEntry] = []
        self.earlier: Sequence[Earlier] = ()
        self.sent = False
        self.data_id = source.data_id
        self.floor = 0
        self.claim: Claim | None = None

    def run(self) -> Outcome:
        nothing_there = not self.sight.mark.seq and self.request.key is None
        looks_first = self.source.heavy and not nothing_there
        start = self._begin(self.data_id) if looks_first else self._begin("", self._sends())
        self.claim = start.claim
        view = View(self.writer.journal, start.base)
        # Only a mark that is proven by its op id is older than the id, and so than any condemnation of it.
        self.floor = view.proven(start.mark)
        unproven = start.mark.seq > 0 and not self.floor
        if looks_first:
            self.earlier = _earlier(view, start.claim, self.data_id)
        if unproven:
            self._renew(view)
        elif start.claim is not None and start.claim.data_id == self.data_id:
            self.source.claimed()
        if not self.sent and self.source.known is not None:
            self.files = [*self.source.known]
        elif unproven or not self.sent:
            self._send()
        return self._commit(start)

    def _commit(self, start: Start) -> Outcome:
        while True:
            try:
                return self.writer.commit(self.request, start, self._decide)
            except _CondemnedError:
                base = self.writer.journal.newest(start.base)
                self._renew(View(self.writer.journal, base))
                start = replace(start, base=base)
            except _UnsentError:
                pass
            except _UnprovedError:
                self._prove()
                continue
            self._send()

    def _prove(self) -> None:
        """Outside the decision: it takes its time, and other writers may commit meanwhile."""
        assert self.draft.prove is not None
        proved = self.draft.prove(self.data_id, self.files)
        self.draft = replace(self.draft, record=replace(self.draft.record, proved=proved), prove=None)

    def _begin(self, data_id: str, sends: Sequence[Callable[[], object]] = ()) -> Start:
        return self.writer.begin(self.request, self.sight, [self._announce_beginning, *sends], data_id)

    def _announce_beginning(self) -> None:
        """Before a model's first commit its hint must stand, so that a crashed first save is found."""
        if not self.sight.mark.seq:
            self.writer.journal.announce(self.sight.mark)

    def _renew(self, view: View) -> None:
        """Choose another id, younger than the view: only what comes after that can condemn it."""
        self.floor = view.mark.seq
        self.data_id = self.writer.ports.token()

    def _send(self) -> None:
        self.writer.journal.together(self._sends())

    def _sends(self) -> Sequence[Callable[[], object]]:
        self.files, self.sent = [], True
        return self.source.sends(self.data_id, self.files.append, self.earlier)

    def _decide(self, view: View) -> Decision:
        for entry in view.entries(self.floor + 1, frozenset({"ids"})):
            if isinstance(entry.op, Condemn) and self.data_id in entry.op.ids:
                raise _CondemnedError
        digest = digest_of(self.files)
        earlier = self._newest_of_key(view)
        if earlier is not None:
            if earlier.live and earlier.added.digest == digest:
                return Answer(number=earlier.number)
            if self.request.attempt < earlier.record.attempt:
                return self._yield_to(view, earlier)
        return self._add(view, digest, earlier)

    def _newest_of_key(self, view: View) -> Folded | None:
        """The newest version that was saved under this key, live or not."""
        if self.claim is None:
            return None
        entries = view.entries(view.proven(self.claim.mark) + 1, NOTHING)
        mine = [e for e in entries if e.key == self.request.key and isinstance(e.op, AddVersion)]
        return fold(entries)[mine[-1].op.number] if mine else None  # type: ignore[union-attr]  # narrowed one line up

    def _yield_to(self, view: View, earlier: Folded) -> Decision:
        if earlier.live:
            return Answer(number=earlier.number)
        ref = f"{view.model}@{earlier.number}"
        raise AttemptSuperseded(
            f"Attempt {self.request.attempt} of key {self.request.key!r} comes after attempt "
            f"{earlier.record.attempt}, whose version {ref} is no longer live.",
            value=self.request.attempt,
            fix="Nothing was saved. Save under a new key, or restore that version.",
        )

    def _add(self, view: View, digest: str, earlier: Folded | None) -> Append:
        fix = "Save without it, and `promote` the version then."
        refuse_guarded(view, self.draft.aliases, "a version does not start with what it has to be promoted to", fix)
        if not self.sent:
            raise _UnsentError
        if self.draft.prove is not None:
            raise _UnprovedError
        number = view.state.next
        op = replace(
            self.draft.record,
            number=number,
            data=self.data_id,
            digest=digest,
            size=sum(file.size for file in self.files),
            files=tuple(sorted(self.files)),
            supersedes=None if earlier is None else earlier.number,
            aliases=tuple(_first_move(view, alias, number) for alias in self.draft.aliases),
        )
        replaced = earlier is not None and earlier.live
        return Append(op=op, state=lambda seq: after(view.state, seq, op, was_live=replaced))


def _first_move(view: View, alias: str, number: int) -> Move:
    current = view.state.aliases.get(alias)
    if current is None:
        return Move(alias=alias, number=number, previous=None, back=None)
    return Move(alias=alias, number=number, previous=current.target.number, back=current.set)


def _earlier(view: View, claim: Claim | None, own: str) -> list[Earlier]:
    """Where files may lie already that need not be sent again: in the newest version, in an attempt that crashed."""
    places: list[Earlier] = []
    newest = view.state.newest
    if newest is not None:
        try:
            added = view.version(newest.number, LOADING).added
        except Corrupt:
            pass  # of a damaged record nothing can be had, and a save does not need it
        else:
            places.append(version_files(added.data, added.files))
    if claim is not None and claim.data_id not in {"", own}:
        places.append(Earlier(data_id=claim.data_id, files=None))
    return places


def save(writer: Writer, sight: Sight, source: Source, draft: Draft, request: Request) -> Outcome:
    """Send the source's files and publish them as the model's next version, or find the version that the key made.

    Nothing is visible before the commit, everything after. With a key, at most one version of that key is live.
    The sight must be older than the source's id: only then is every condemnation of the id after it.

    Raises:
        AttemptSuperseded: A later attempt of the key has decided, and its version is not live.
        AliasProtected: Rules guard an alias that the version was to start with.
        CommitUncertain: The storage did not say in time whether the version was published.
    """
    return _Save(writer, sight, source, draft, request).run()
