"""Saving a version: its files first, under an id that nobody else knows, then one commit that publishes them."""

from dataclasses import dataclass, replace

from modelstore_core.artifacts import Stage
from modelstore_core.documents.sidecars import Mark
from modelstore_core.errors import AttemptSuperseded
from modelstore_core.model.digest import FileEntry, digest_of
from modelstore_core.model.operations import AddVersion, Condemn, Move
from modelstore_core.registry.fold import Folded, fold
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View
from modelstore_core.registry.writer import Answer, Append, Decision, Outcome, Request, Sight, Writer

__all__ = ["Draft", "save"]


class _CondemnedError(Exception):
    """A collector has claimed the id under which the files were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that is to be: all of its record but number, id and files; and the aliases it is to start with."""

    record: AddVersion
    aliases: tuple[str, ...]


class _Save:
    """One save on its way: the id in use, what was sent under it, and from where the log is to be checked."""

    def __init__(self, writer: Writer, sight: Sight, stage: Stage, draft: Draft, request: Request) -> None:
        self.writer = writer
        self.sight = sight
        self.stage = stage
        self.draft = draft
        self.request = request
        self.files: list[FileEntry] = []
        self.data_id = stage.data_id
        self.floor = 0
        self.claim: Mark | None = None

    def run(self) -> Outcome:
        sends = self.stage.sends(self.data_id, self.files.append)
        start = self.writer.begin(self.request, self.sight, [self._announce_beginning, *sends])
        self.claim = start.claim
        view = View(self.writer.journal, start.base)
        # Only a mark that is proven by its op id is older than the id, and so than any condemnation of it.
        self.floor = view.proven(start.mark)
        if start.mark.seq and not self.floor:
            self._send_anew(view)
        while True:
            try:
                return self.writer.commit(self.request, start, self._decide)
            except _CondemnedError:
                base = self.writer.journal.newest(start.base)
                self._send_anew(View(self.writer.journal, base))
                start = replace(start, base=base)

    def _announce_beginning(self) -> None:
        """Before a model's first commit its hint must stand, so that a crashed first save is found."""
        if not self.sight.mark.seq:
            self.writer.journal.announce(self.sight.mark)

    def _send_anew(self, view: View) -> None:
        self.floor = view.mark.seq
        self.data_id = self.writer.ports.token()
        self.files.clear()
        self.writer.journal.together(self.stage.sends(self.data_id, self.files.append))

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
        entries = view.entries(view.proven(self.claim) + 1, NOTHING)
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


def save(writer: Writer, sight: Sight, stage: Stage, draft: Draft, request: Request) -> Outcome:
    """Send the staged files and publish them as the model's next version, or find the version that the key made.

    Nothing is visible before the commit, everything after. With a key, at most one version of that key is live.
    The sight must be older than the stage: only then is every condemnation of the stage's id after it.

    Raises:
        AttemptSuperseded: A later attempt of the key has decided, and its version is not live.
        CommitUncertain: The storage did not say in time whether the version was published.
    """
    return _Save(writer, sight, stage, draft, request).run()
