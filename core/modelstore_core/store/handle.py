"""What every verb stands on: one storage, its models' journals, and who is asking. Pickles without secrets."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.errors import InvalidInput, InvalidLocation
from modelstore_core.formats.trust import Trust
from modelstore_core.journal.admission import Admission
from modelstore_core.journal.log import Journal
from modelstore_core.journal.segments import is_due
from modelstore_core.model import names
from modelstore_core.model.records import ModelVersion
from modelstore_core.ports import Ports
from modelstore_core.progress import Meter, Tell, Transfer
from modelstore_core.registry import queries
from modelstore_core.registry.indexed import Indexed, look
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Decide, Decision, Outcome, Request, Writer
from modelstore_core.storage.opening import Option, open_storage
from modelstore_core.storage.protocol import Storage
from modelstore_core.storage.readonly import ReadOnlyStorage
from modelstore_core.version import __version__

if TYPE_CHECKING:
    from modelstore_core.artifacts.cache import Cache
    from modelstore_core.registry.gathering import Gathering
    from modelstore_core.registry.memory import Memory

__all__ = ["Handle", "Settings", "checked_actor", "location"]

_MAX_ACTOR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a store was opened, beside its storage.

    Attributes:
        actor: Who writes.
        trust: What loading may construct.
        single_writer: Whether to write even where create-if-absent is not real.
        patience: Seconds that one step may take under errors.
        cache: Where files that were fetched are kept.
        bar: Whether transfers that take long show a bar, if there is a terminal and nobody else is told.
    """

    actor: str
    trust: Trust
    single_writer: bool
    patience: float
    cache: "Cache | None" = None
    bar: bool = False


class Handle:
    """A storage with the journals of its models; cheap to make, asks the storage nothing by itself.

    Whoever is told of progress stays behind when it is pickled: functions of one process mean nothing in another.
    """

    def __init__(
        self, storage: Storage, settings: Settings, ports: Ports | None = None, *, tell: Tell | None = None
    ) -> None:
        self.storage = storage
        self.settings = settings
        self.ports = ports or Ports()
        self._tell = tell
        self._memory: Memory | None = None
        self._journals: dict[str, Journal] = {}
        self._admission = Admission(
            storage,
            self.ports,
            __version__,
            single_writer=settings.single_writer,
            patience=settings.patience,
        )

    def __reduce__(self) -> tuple[type["Handle"], tuple[Storage, Settings]]:
        return type(self), (self.storage, self.settings)

    def beside(self, url: str | os.PathLike[str], options: Mapping[str, Option]) -> "Handle":
        """Another store, opened as this one was; every store has its own promises to keep, so not `single_writer`."""
        return Handle(open_storage(url, **options), replace(self.settings, single_writer=False))

    def journal(self, name: str) -> Journal:
        """The journal of the model, remembered for the life of the handle."""
        name = names.check_name(name)
        found = self._journals.get(name)
        if found is None:
            found = self._journals[name] = Journal(self.storage, name, self.ports, self.settings.patience)
        return found

    def passing(self, name: str) -> Journal:
        """The journal of the model if one is remembered, else one for this answer alone: of thousands none is kept."""
        found = self._journals.get(name)
        return Journal(self.storage, name, self.ports, self.settings.patience) if found is None else found

    def gathering(self) -> "Gathering":
        """What reads all models; what it has read is remembered as far as there is room."""
        from modelstore_core.registry.gathering import Gathering  # most processes know the model that they want
        from modelstore_core.registry.memory import Memory

        self._memory = self._memory or Memory()
        return Gathering(self.storage, self.passing, self._memory)

    def view(self, name: str) -> View:
        """The model as it is now."""
        journal = self.journal(name)
        return View(journal, journal.newest(journal.known()))

    def meter(self, verb: Transfer, reference: str) -> Meter:
        """What tells of a transfer whoever wants to know."""
        return Meter(verb, reference, self._tell or self._bar())

    def _bar(self) -> Tell | None:
        # Without a terminal, stderr is a log or a file, or gone altogether.
        if not self.settings.bar or sys.stderr is None or not sys.stderr.isatty():
            return None
        from modelstore_core.store.bar import bar

        return bar(self.ports.monotonic)

    def artifacts(self, name: str, meter: Meter) -> Artifacts:
        """The files of the model's versions."""
        cache = self.settings.cache
        return Artifacts(self.storage, self.journal(name).root, cache=cache, passed=meter.passed)

    def reading(self, name: str, span: int | None = 0) -> Indexed:
        """The model as it is now, for an answer that looks back over `span` commits (None: all) and decides nothing.

        Raises:
            ModelNotFound, ModelDeleted, ModelMoved, ModelMoving: It is not to be had.
        """
        found = look(self.journal(name), span)
        found.require_open()
        return found

    def again(self, view: View) -> Indexed:
        """The model that a reader has seen, as it is by now."""
        return Indexed(view.journal, view.journal.newest(view.head))

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return isinstance(self.storage, ReadOnlyStorage)

    def refuse_if_read_only(self) -> None:
        """Say no before anything is asked.

        Raises:
            StoreReadOnly: Nothing may be written.
        """
        if isinstance(self.storage, ReadOnlyStorage):
            self.storage.refuse()

    def writer(self, name: str) -> Writer:
        """A writer for the model.

        Raises:
            StoreReadOnly: Nothing may be written.
        """
        self.refuse_if_read_only()
        return Writer(self.journal(name), self._admission, self.ports, self.settings.patience)

    def write(self, name: str, request: Request, decide: Decide) -> Outcome:
        """Commit what `decide` decides; with a key, the outcome of an earlier call with it is returned instead."""
        writer = self.writer(name)
        start = writer.begin(request, writer.look())

        def keyed(view: View) -> Decision:
            return writer.earlier(view, request, start.claim) or decide(view)

        return self.kept(writer.commit(request, start, keyed))

    def kept(self, outcome: Outcome) -> Outcome:
        """The outcome of a verb, after listeners are told and what its commit makes due for readers has been tried.

        The commit stands and is announced: whatever keeps a listing from being made faster is not the verb's failure.
        """
        head, entry = outcome.view.head, outcome.entry
        if outcome.committed and entry is not None:
            from modelstore_core.registry.events import events_of
            from modelstore_core.store.listening import tell

            tell(events_of(outcome.view.model, entry), self.storage.url)
        if head is not None and entry is not None and entry.seq == head.seq and is_due(head.seq):
            from modelstore_core.maintenance.compacting import refresh

            with suppress(Exception):
                refresh(outcome.view.journal, head)
        return outcome

    def record(self, view: View, number: int) -> ModelVersion:
        """The public record of a version, as of the view."""
        return queries.record_of(view, view.version(number), self.storage.url)


def location(url: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """The URL, or the environment's.

    Raises:
        InvalidLocation: There is neither.
    """
    found = url if url is not None else os.environ.get("MODELSTORE_URL")
    if not found:
        raise InvalidLocation(
            "No store was named.",
            value=url,
            fix="Pass a URL such as './models' or 's3://bucket/prefix', or set MODELSTORE_URL.",
        )
    return found


def checked_actor(actor: str | None) -> str:
    """Who writes: what was given, the environment's, or the user's name."""
    if actor is None:
        return os.environ.get("MODELSTORE_ACTOR") or _user()
    if not isinstance(actor, str) or not actor.strip() or len(actor) > _MAX_ACTOR:
        raise InvalidInput(f"actor={actor!r} is no name.", value=actor, fix=f"Pass 1 to {_MAX_ACTOR} characters.")
    return actor


def _user() -> str:
    import getpass  # not where the environment names the actor

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid-{os.getuid()}"
