"""The commit rule: decide on the newest commit that was read, offer the next, and decide anew after every loss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from modelstore_core.documents.commit import Commit
from modelstore_core.documents.sidecars import Claim, Mark
from modelstore_core.errors import (
    CommitUncertain,
    Conflict,
    NotFound,
    StorageError,
    StorageUnavailable,
    StoreTooNew,
)
from modelstore_core.journal.admission import Admission, stamp
from modelstore_core.journal.log import Journal
from modelstore_core.journal.patience import Patience
from modelstore_core.model.operations import (
    Arrive,
    Close,
    Condemn,
    Describe,
    Entry,
    MoveAway,
    Operation,
    Reopen,
    SetAlias,
    SetRules,
    Verb,
)
from modelstore_core.model.state import State
from modelstore_core.ports import Ports
from modelstore_core.registry.standing import arrival, refuse_writing
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import NOTHING, View

__all__ = ["Answer", "Append", "Decide", "Decision", "Outcome", "Request", "Sight", "Start", "Writer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what, and under which idempotency key."""

    verb: Verb
    actor: str
    key: str | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """The decision to commit an operation.

    Attributes:
        op: The operation.
        state: What holds after it, from its seq.
        asked: Whether the caller will ask for the version's record, which is then read beside the announcement.
        undoes: The seq of the commit that it takes back, if that is what was asked.
    """

    op: Operation
    state: Callable[[int], State]
    asked: bool = True
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The decision that no commit is needed: the answer is this version, found in this entry if it was committed."""

    number: int
    entry: Entry | None = None


Decision: TypeAlias = Append | Answer
Decide: TypeAlias = Callable[[View], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Where the log was seen to stand: the newest commit this process has read, or else the hint's word."""

    known: Commit | None
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """From where a verb begins: a commit that was read (or none), the mark it was found by, and the key's claim."""

    base: Commit | None
    mark: Mark
    claim: Claim | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a verb: the model after it, the version concerned, and the entry that holds it, if any.

    `committed` says that it is this call's own entry, and not that of an earlier call with the same key.
    """

    view: View
    number: int
    entry: Entry | None
    committed: bool = False


class Writer:
    """Commits operations to one model's log, once the storage has been admitted."""

    def __init__(self, journal: Journal, admission: Admission, ports: Ports, patience: float) -> None:
        self.journal = journal
        self.admission = admission
        self.ports = ports
        self._seconds = patience

    def look(self) -> Sight:
        """See where the log stands and whether the storage was admitted; one round at most, and nothing is written."""
        known = self.journal.known()
        marks: list[Mark] = [] if known is None else [View(self.journal, known).mark]
        calls = self.admission.questions()
        if known is None:
            calls.append(lambda: marks.append(self.journal.hinted()))
        self.journal.together(calls)
        self.admission.look()
        return Sight(known=known, mark=marks[0])

    def begin(
        self, request: Request, sight: Sight, beside: Sequence[Callable[[], object]] = (), data_id: str = ""
    ) -> Start:
        """Find a commit to build on, stake the key (for files at `data_id`), and run `beside`, all in one round.

        The commit may lag behind the head. What `beside` does may rest on the mark only as far as it is proven later.
        """
        known, mark = sight.known, sight.mark
        base: list[Commit | None] = [known]
        claim: list[Claim] = []
        calls: list[Callable[[], object]] = list(beside)
        if known is None:
            calls.append(lambda: base.insert(0, self.journal.read(max(mark.seq, 1))))

        def stake() -> None:
            if request.key is not None:
                claim.append(self.journal.claim(request.key, mark, data_id))

        # Only a save may be the first to write of a model: other verbs leave nothing behind where there is none.
        at_once = request.verb == "save" or mark.seq > 0
        if beside or (at_once and request.key is not None):
            self.admission.ensure()
        if at_once:
            calls.append(stake)
        self.journal.together(calls)
        found = base[0]
        if found is None and mark.seq:
            found = self.journal.newest()
        if not at_once and found is not None:
            self.admission.ensure()
            stake()
        return Start(base=found, mark=mark, claim=claim[0] if claim else None)

    def commit(self, request: Request, start: Start, decide: Decide) -> Outcome:
        """Decide and commit until it stands, or until an answer without a commit is known to be current.

        The outcome is announced, and the record of its version has been read: asking for that costs nothing more.

        Raises:
            NotFound, Conflict, StoreTooNew: What `decide` raised, true at a moment during this call; nothing was
                written.
            CommitUncertain: The storage did not say in time whether the commit took place.
        """
        base, patience = start.base, Patience(self.ports, self._seconds)
        while True:
            view = View(self.journal, base)
            try:
                whose, decision = self._decided(view, request, decide)
            except (NotFound, Conflict, StoreTooNew):
                moved = self._moved(view)
                if moved is None:
                    raise
                base = moved
                continue
            if isinstance(decision, Answer):
                moved = self._moved(view)
                if moved is None:
                    self.journal.keep(view.mark.seq)
                    return self._announced(Outcome(view=view, number=decision.number, entry=decision.entry))
                base = moved
                continue
            won, commit = self._offer(view, whose, decision)
            if won and whose is request:
                then = View(self.journal, commit)
                outcome = Outcome(view=then, number=_number(decision.op), entry=commit.entry, committed=True)
                return self._announced(outcome, asked=decision.asked)
            base = commit if won else self.journal.newest(commit)
            if patience.spent():
                raise StorageUnavailable(
                    f"Other writers of {self.journal.model!r} were faster for {self._seconds:g} s.",
                    value=self.journal.model,
                    fix="Nothing was written: try again, or give fewer writers one model.",
                )
            self.ports.sleep(self.ports.jitter() * 0.002)

    def _decided(self, view: View, request: Request, decide: Decide) -> tuple[Request, Decision]:
        """The decision, and who asked for it: whoever renamed the model, as long as its log does not say it is here.

        Raises:
            ModelDeleted, ModelMoved, ModelMoving: The verb may not commit to this model.
        """
        if view.head is not None:
            come = arrival(self.journal, view.head)
            if come is not None:
                op, actor = come
                return Request(verb="rename", actor=actor), Append(op=op, state=partial(after, view.state, op=op))
            refuse_writing(request.verb, view.model, view.state)
        return request, decide(view)

    def earlier(self, view: View, request: Request, claim: Claim | None) -> Answer | None:
        """The outcome of an earlier call with this verb and key, if the log holds one."""
        if request.key is None or view.head is None:
            return None
        if claim is None:  # the model came to be during this call, and where there is none nothing is staked
            self.admission.ensure()
            claim = self.journal.claim(request.key, Mark(seq=0, op_id=""))
        entries = view.entries(view.proven(claim.mark) + 1, NOTHING)
        mine = [e for e in entries if e.key == request.key and e.verb == request.verb]
        if not mine:
            return None
        entry = self.journal.entry(mine[-1].seq, view.head)
        return Answer(number=_number(entry.op), entry=entry)

    def _announced(self, outcome: Outcome, *, asked: bool = True) -> Outcome:
        """The outcome, once the hint tells of it; in the same round the version's record is read, if asked for."""
        view, number = outcome.view, outcome.number
        calls: list[Callable[[], object]] = [partial(self.journal.announce, view.mark)]
        if number and asked:
            calls.append(partial(view.version, number))
        try:
            self.journal.together(calls)
        except StorageError as error:
            if outcome.entry is None:
                raise
            raise CommitUncertain(
                f"The change of {view.model!r} stands at log/{view.mark.seq}, but could not be read back: {error}",
                value=view.model,
                fix="Look, or retry with the same key=: nothing is done twice.",
                op_id=outcome.entry.op_id,
                seq=outcome.entry.seq,
            ) from error
        return outcome

    def _moved(self, view: View) -> Commit | None:
        """The new head if the log has grown since the view's, asked now."""
        after = self.journal.read(view.mark.seq + 1)
        return None if after is None else self.journal.newest(after)

    def _offer(self, view: View, request: Request, decision: Append) -> tuple[bool, Commit]:
        self.admission.ensure()
        seq = view.mark.seq + 1
        entry = Entry(
            seq=seq,
            op_id=self.ports.token(),
            verb=request.verb,
            actor=request.actor,
            time=stamp(self.ports),
            key=request.key,
            attempt=request.attempt,
            op=decision.op,
            undoes=decision.undoes,
        )
        return self.journal.append(view.head, entry, decision.state(seq))


def _number(op: Operation) -> int:
    """The version that an operation is about; 0 for one that is about none."""
    match op:
        case SetAlias(move=move):
            return move.number
        case Condemn() | SetRules() | Describe() | Close() | Reopen() | MoveAway() | Arrive():
            return 0
        case _:
            return op.number
