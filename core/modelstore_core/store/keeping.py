"""The verbs that look after a store: what keeps it fast, small, sound, and in several places."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.names import parse_reference
from modelstore_core.model.records import ModelVersion, Records
from modelstore_core.registry.writer import Request
from modelstore_core.storage.opening import Option
from modelstore_core.store.handle import Handle

# Most processes keep no store: what these verbs stand on is imported by the verb that is called.
if TYPE_CHECKING:
    from modelstore_core.model.collection import Collection
    from modelstore_core.model.findings import Diagnosis, Verification
    from modelstore_core.model.upkeep import Maintained

__all__ = ["Keeping"]

_DAY = timedelta(days=1)


class Keeping:
    """How a store is looked after."""

    _handle: Handle

    def copy(
        self,
        reference: str,
        to: "str | os.PathLike[str] | Keeping",
        *,
        name: str | None = None,
        aliases: Sequence[str] = (),
        key: str | None = None,
        **options: Option,
    ) -> ModelVersion:
        """Publish a copy of the version in another store, or under another name of this one, whole or not at all.

        The copy is a version of its own with the next number there. Files, digest, metrics, params, tags, description,
        signature and environment are the original's, annotations included; its lineage says by `copied_from` where
        it comes from, who made that, and when. Aliases, history and later annotations do not come along.

        Every byte is held to the original's record. Between stores of one service the bytes stay there, if it can prove
        what it has copied. Copying twice makes one copy, and a retry goes on with the files that are there.

        Args:
            reference: The original.
            to: The other store, by its URL or as a `ModelStore`.
            name: The model that the copy is a version of; the original's name if left out.
            aliases: Aliases that point to the copy from its first moment.
            key: Names this piece of work; made of the original's store, reference and digest if left out.
            options: The other storage's, if `to` is a URL.

        Returns:
            The copy: the one that is there, if it was made before and is live.

        Raises:
            NotFound, VersionDeleted, VersionPurged, Corrupt: As for `load`; nothing was published.
            InvalidInput: The version would be copied onto itself.
            UnsafeStorage, StoreReadOnly: The other store cannot be written.
        """
        from modelstore_core.store import copying
        from modelstore_core.store.saving import checked_aliases

        wish = copying.Wish(
            name=name, aliases=checked_aliases(aliases), key=None if key is None else names.check_key(key)
        )
        there = to._handle if isinstance(to, Keeping) else self._handle.beside(to, options)  # noqa: SLF001 -- one of us
        return copying.copy(self._handle, parse_reference(reference), there, wish)

    def collect(
        self, name: str | None = None, *, older_than: timedelta | float = _DAY, dry_run: bool = False
    ) -> "Collection":
        """Remove the files that no version needs, of one model or of all, and report them.

        These are the files of deleted and superseded versions that no alias points to (from then on they are purged,
        and `restore` is refused), files of saves that never came to an end, what an earlier collection left, and
        uploads that were begun and never finished. Safe at any time, beside any writer and other collections, and
        after a crash anywhere: a commit says that files may go before they go.

        Args:
            name: The model; every model if left out.
            older_than: A timedelta or seconds, by the store's clock: what was written, deleted or superseded within
                that time is left alone. It spares a save that is under way from sending its files again; in a
                folder that save would fail. What was purged or condemned already goes whatever its age.
            dry_run: Write and remove nothing, and report the same. Ages then are by this machine's clock.

        Raises:
            ModelNotFound: There is no such model.
            InvalidInput: `older_than` is no span of time.
        """
        if not dry_run:
            self._handle.refuse_if_read_only()
        from modelstore_core.store import tidying

        return tidying.collect(self._handle, name, older_than, dry_run=dry_run)

    def maintain(self, name: str | None = None) -> "Records[Maintained]":
        """Make long histories fast to list, of one model or of all, and report what was done.

        Writes what readers would else have to put together for themselves: a listing of all versions in a few large
        objects, and blocks of commits where one is missing or damaged; and removes parts of older listings. For all
        models at once, also a catalog of them, so that `search` and `models` need not read each. Never needed for a
        right answer. Writers keep the listing up by themselves, every 1,024 commits, but in smaller parts, and not the
        catalog: run this from time to time where histories have tens of thousands of commits, each night where there
        are thousands of models, and once after copying a store by other means. Safe at any time, beside everything
        else, and after a crash anywhere.

        Args:
            name: The model; every model if left out.

        Raises:
            ModelNotFound: There is no such model.
        """
        self._handle.refuse_if_read_only()
        from modelstore_core.store.upkeep import maintained

        return maintained(self._handle, name)

    def prune(
        self,
        name: str | None = None,
        *,
        keep: int | None = None,
        older_than: timedelta | float | None = None,
        dry_run: bool = False,
        reason: str = "",
        key: str | None = None,
    ) -> Records[ModelVersion]:
        """Delete live versions that are too many or too old, as `delete` does, and return them.

        A version stays if it is among the newest `keep` live ones, was saved within `older_than`, or an alias points
        to it; that is judged at the very commit that would delete it. `restore` brings it back until it is collected.

        Args:
            name: The model; every model if left out.
            keep: How many of the newest live versions stay whatever their age.
            older_than: A timedelta or seconds: what was saved within that time stays. Compares `created_at`, which is
                by its writer's clock, with this machine's clock.
            dry_run: Delete nothing, and return what would be deleted.
            reason: Why, for history.
            key: Makes the call idempotent: a retry finishes what the first call began, returns what that deleted too,
                and does not delete again what was restored since.

        Raises:
            InvalidInput: Neither `keep` nor `older_than` is given, or one is not what it must be.
            ModelNotFound: There is no such model.
        """
        if not isinstance(reason, str):
            raise InvalidInput(f"{reason!r} is not text.", value=reason, fix="Pass a sentence.")
        if not dry_run:
            self._handle.refuse_if_read_only()
        checked = None if key is None else names.check_key(key)
        request = Request(verb="delete", actor=self._handle.settings.actor, key=checked)
        from modelstore_core.store import tidying

        return tidying.prune(self._handle, name, (keep, older_than), request, dry_run=dry_run, reason=reason)

    def verify(
        self,
        name: str | None = None,
        *,
        read_data: bool | str = False,
        repair: bool = False,
        head: str | None = None,
    ) -> "Verification":
        """Hold one model, or the whole store, to what was written; says what is damaged, and what can be repaired.

        Reads every commit and compares its sha256 with what the next one says, its state with what the log adds up
        to, and blocks, hints and claims with the log; and looks whether every version's files are there and of their
        size. Damage is reported and never raised. Safe at any time, beside any writer.

        Args:
            name: The model; every model if left out.
            read_data: Read the files too, and compare their sha256: True for all of them, or "2/7" for the second
                of seven shares, so that seven runs read everything.
            repair: Write anew what follows from the log and is missing or wrong. The log, `store.json` and files are
                never touched, and nothing is written for a model in which something is damaged.
            head: The sha256 of a commit that was the model's newest when somebody wrote it down (`heads` of an
                earlier answer): that it still stands in the log proves that nothing before it was changed.

        Raises:
            ModelNotFound: There is nothing of that model.
            InvalidInput: `read_data` or `head` is not what it must be.
        """
        if repair:
            self._handle.refuse_if_read_only()
        from modelstore_core.store import checking

        return checking.verify(self._handle, name, read_data=read_data, repair=repair, head=head)

    def doctor(self, *, read_only: bool = False) -> "Diagnosis":
        """Try on the storage what a store needs of it, and say what to do where it fails.

        Can it list, read, and tell a missing object from a forbidden one; does it create an object only if it is not
        there, also when sixteen try at once; are overwrites and listings seen at once; does it delete; how far is its
        clock from ours; how long does each take. Works where there is no store yet. What is written is deleted again.

        Args:
            read_only: Write nothing, and say what could not be tried.
        """
        from modelstore_core.store import checking

        return checking.doctor(self._handle, read_only=read_only or self._handle.read_only)
