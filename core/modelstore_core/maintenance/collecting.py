"""Removing the files that no version needs: first a commit that says so, then the objects.

The order of the log decides every race: a writer that finds its id condemned sends anew, a collector that finds the id
in a record leaves it alone. How long something has lain there is courtesy to writers, and decides nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from modelstore_core.errors import ModelMoving
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.selftest import patiently
from modelstore_core.maintenance.holdings import Holdings
from modelstore_core.model.collection import Collected, CollectedKind
from modelstore_core.model.operations import Condemn, Purge, Verb
from modelstore_core.ports import Ports
from modelstore_core.registry.transitions import after
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Answer, Append, Decide, Decision, Outcome
from modelstore_core.storage.protocol import ObjectInfo, Storage

__all__ = ["Collector", "Terms", "Write", "collected_object"]

Write: TypeAlias = Callable[[Verb, Decide], Outcome]
"""Commits what is decided, by the rule that every verb keeps."""

_ID = re.compile(r"[0-9a-f]{32}")
_IDS_A_COMMIT = 4096  # 35 bytes each, of the 256 KiB that an operation may have
_NOTHING = Answer(number=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a collection is asked: to spare what was touched since `before`, count ages to `now`, and write or not."""

    before: float
    now: float
    dry_run: bool

    def age(self, since: float) -> float:
        """Seconds from then to now."""
        return max(0.0, self.now - since)


@dataclass(slots=True)
class _Folder:
    """The objects under one data id."""

    id: str
    infos: list[ObjectInfo] = field(default_factory=list)

    @property
    def touched(self) -> float:
        """When the youngest of them was written."""
        return max(info.modified for info in self.infos)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Find:
    """A folder that is to go: why, whose it was, and since when it could."""

    kind: CollectedKind
    folder: _Folder
    number: int | None
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Collects one model. Killed anywhere, it leaves what the next one finishes; any number may run at once."""

    storage: Storage
    journal: Journal
    write: Write
    ports: Ports
    patience: float

    def collect(self, terms: Terms) -> list[Collected] | None:
        """What was removed, or would be; None if the model has no commit yet, where no id is known to be free.

        Raises:
            ModelNotFound: There is nothing at all of the model.
            CommitUncertain: The storage did not say in time whether a commit took place: collect again.
        """
        # Listed first: what was under way then, and is committed by the time the head is read, costs no attempt.
        folders = self._list_folders()
        view = View(self.journal, self.journal.newest(self.journal.known()))
        if view.head is None:
            if not folders and self.storage.get(hint_key(self.journal.folder)) is None:
                view.require()
            return None
        view = self._settled(view, terms)
        if view.state.coming is not None:
            return []  # what is not needed there is known when it has come
        holdings = Holdings(view)
        finds = [*self._finds(folders, terms, holdings, view)]
        if finds and not terms.dry_run:
            finds = self._carry_out(finds, holdings, view)
        return [self._report(find, terms) for find in finds]

    def _settled(self, view: View, terms: Terms) -> View:
        """The view, after a model that has come by a rename, or never will, says so, which is the first thing to do."""
        if view.state.coming is None or terms.dry_run:
            return view
        with suppress(ModelMoving):
            return self.write("purge", lambda _: _NOTHING).view
        return View(self.journal, self.journal.newest(view.head))

    def _list_folders(self) -> list[_Folder]:
        prefix = f"{self.journal.root}/data/"
        folders: dict[str, _Folder] = {}
        for info in self.storage.list(prefix):
            data_id, slash, _ = info.key.removeprefix(prefix).partition("/")
            if slash and _ID.fullmatch(data_id):  # anything else is nothing of ours
                folders.setdefault(data_id, _Folder(data_id)).infos.append(info)
        return [folders[data_id] for data_id in sorted(folders)]

    def _finds(self, folders: Sequence[_Folder], terms: Terms, holdings: Holdings, view: View) -> Iterator[_Find]:
        ended: dict[int, _Folder] = {}
        for folder in folders:
            owner = holdings.owner(folder.id)
            number = None if owner is None else owner.number
            if holdings.removable(folder.id):
                yield _Find(kind="leftover", folder=folder, number=number, since=folder.touched)
            elif number is None and folder.touched < terms.before:
                yield _Find(kind="condemned", folder=folder, number=None, since=folder.touched)
            elif number is not None and holdings.purgeable(number, view):
                ended[number] = folder
        stamps = self._stamps() if ended else {}
        for number, folder in sorted(ended.items()):
            since = stamps.get(holdings.ended(number, view))
            if since is not None and since < terms.before:  # None: the log has a hole, and is nothing to remove by
                yield _Find(kind="purged", folder=folder, number=number, since=since)

    def _stamps(self) -> dict[int, float]:
        """When each commit was written, by the store's clock."""
        prefix = f"{self.journal.root}/log/"
        names = ((info.key.removeprefix(prefix).removesuffix(".json"), info) for info in self.storage.list(prefix))
        return {int(name): info.modified for name, info in names if name.isascii() and name.isdigit()}

    def _carry_out(self, finds: Sequence[_Find], holdings: Holdings, view: View) -> list[_Find]:
        ours = self._condemn([find.folder.id for find in finds if find.kind == "condemned"], holdings)
        for find in finds:
            if find.kind == "purged" and self._purge(find, holdings):
                ours.add(find.folder.id)
        if all(find.kind == "leftover" for find in finds):
            # This answer rests on commits of others, who may have died before they told of them.
            self.journal.keep(view.mark.seq)
            self.journal.announce(view.mark)
        gone = [find for find in finds if holdings.removable(find.folder.id)]
        keys = [info.key for find in gone for info in find.folder.infos]
        patiently(partial(self.storage.delete, keys), Patience(self.ports, self.patience))
        return [find if find.folder.id in ours else replace(find, kind="leftover") for find in gone]

    def _condemn(self, ids: Sequence[str], holdings: Holdings) -> set[str]:
        """Condemn those that are free at the base; which ones this call has condemned."""
        done: set[str] = set()
        for first in range(0, len(ids), _IDS_A_COMMIT):
            decide = partial(_decide_condemn, holdings=holdings, ids=ids[first : first + _IDS_A_COMMIT])
            outcome = self.write("condemn", decide)
            holdings.follow(outcome.view)
            if outcome.entry is not None and isinstance(outcome.entry.op, Condemn):
                done.update(outcome.entry.op.ids)
        return done

    def _purge(self, find: _Find, holdings: Holdings) -> bool:
        """Purge the version if that is allowed at the base; whether this call has."""
        assert find.number is not None
        outcome = self.write("purge", partial(_decide_purge, holdings=holdings, number=find.number))
        holdings.follow(outcome.view)
        return outcome.entry is not None

    def _report(self, find: _Find, terms: Terms) -> Collected:
        return Collected(
            model=self.journal.model,
            kind=find.kind,
            number=find.number,
            id=find.folder.id,
            objects=len(find.folder.infos),
            bytes=sum(info.size for info in find.folder.infos),
            age=terms.age(find.since),
        )


def _decide_condemn(view: View, *, holdings: Holdings, ids: Iterable[str]) -> Decision:
    holdings.follow(view)
    free = tuple(data_id for data_id in ids if holdings.condemnable(data_id))
    if not free or view.head is None:
        return _NOTHING
    op = Condemn(ids=free)
    return Append(op=op, state=lambda seq: after(view.state, seq, op))


def _decide_purge(view: View, *, holdings: Holdings, number: int) -> Decision:
    holdings.follow(view)
    if not holdings.purgeable(number, view):
        return _NOTHING
    version = holdings.versions[number]
    # Only of a closed model: else it is neither live, nor does an alias point to it.
    op = Purge(number=number, record=version.record.seq, dropped=view.aliases_of(number))
    newest = view.state.newest
    heir = view.newest_live_but(number) if newest is not None and newest.number == number else None
    state = partial(after, view.state, op=op, heir=heir, was_live=version.live)
    return Append(op=op, state=state, asked=False)


def collected_object(kind: CollectedKind, info: ObjectInfo, model: str, terms: Terms) -> Collected:
    """One object or upload that lies in no data folder."""
    return Collected(
        model=model, kind=kind, number=None, id=info.key, objects=1, bytes=info.size, age=terms.age(info.modified)
    )
