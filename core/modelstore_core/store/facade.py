"""`ModelStore`: every public verb, over one folder or bucket."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from modelstore_core.errors import GateRefused, InvalidInput
from modelstore_core.formats.trust import Trust, parse_trust
from modelstore_core.model import names
from modelstore_core.model.gates import Gate
from modelstore_core.model.json import as_metrics, as_tags
from modelstore_core.model.names import parse_reference
from modelstore_core.model.operations import RefuseAlias, Verb
from modelstore_core.model.records import Comparison, Event, Feed, ModelSummary, ModelVersion, Records
from modelstore_core.registry import decisions, queries
from modelstore_core.registry.decisions import ANY, Changes, Expectation
from modelstore_core.registry.ordering import ordered
from modelstore_core.registry.writer import Decide, Outcome, Request
from modelstore_core.storage.opening import Option, open_storage
from modelstore_core.storage.protocol import Storage
from modelstore_core.store import listing
from modelstore_core.store.handle import Handle, Settings, checked_actor, location
from modelstore_core.store.loading import LoadAs, load, pull
from modelstore_core.store.saving import Description, save_model

__all__ = ["ModelStore"]


class ModelStore:
    """Versioned models in one folder or bucket.

    Opening asks nothing of the storage and makes nothing there; the first write tests whether the storage keeps the
    one promise that commits rest on. A store may be shared between threads and pickles without any secret.

    Every verb may raise `StorageError` and its children, every reading one `Corrupt` and `StoreTooNew`, and every
    writing one `CommitUncertain`; after any other error nothing was changed.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        actor: str | None = None,
        trust: str | Iterable[str] | Trust = "listed",
        single_writer: bool = False,
        patience: float = 60.0,
        **options: Option,
    ) -> None:
        """Name a store.

        Args:
            url: `./models`, `file:///…`, `s3://bucket/prefix`, `memory://name`; `MODELSTORE_URL` if left out.
            actor: Who writes, as history shows it; `MODELSTORE_ACTOR` or the user's name if left out.
            trust: What loading may construct: "safe" (no pickles), "listed" (exact names known to be harmless), a
                list of exact names to allow besides, or "full" (everything).
            single_writer: Write although the storage cannot create-if-absent; then never write from two places.
            patience: Seconds that one step may take under errors before it gives up.
            options: The storage's: for S3 `endpoint`, `region`, `profile`, `path_style`, `anonymous`.

        Raises:
            InvalidLocation: The URL or an option is not understood.
            MissingExtra: The URL's scheme needs packages that are not installed.
        """
        settings = Settings(
            actor=checked_actor(actor), trust=parse_trust(trust), single_writer=single_writer, patience=patience
        )
        self._handle = Handle(open_storage(location(url), **options), settings)

    @classmethod
    def over(cls, handle: Handle) -> "ModelStore":
        """A store over a storage that no URL names: a wrapper, a test double, one's own."""
        store = cls.__new__(cls)
        store._handle = handle  # noqa: SLF001 -- a second constructor of this very class
        return store

    @property
    def url(self) -> str:
        """Where the store is, without secrets."""
        return self._handle.storage.url

    @property
    def storage(self) -> Storage:
        """The bytes below, for tools that work on them."""
        return self._handle.storage

    def __repr__(self) -> str:
        return f"ModelStore({self.url!r})"

    def save(
        self,
        model: object,
        name: str,
        *,
        metrics: Mapping[str, object] | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        lineage: Mapping[str, object] | None = None,
        input_example: object = None,
        aliases: Sequence[str] = (),
        format: str | None = None,  # noqa: A002 - the word users know
        key: str | None = None,
        attempt: int = 0,
    ) -> ModelVersion:
        """Publish the model as the next version of `name`, whole or not at all.

        With a `key`, saving is idempotent: the same key and the same bytes give the version that is there; the same
        key and other bytes of the same or a later `attempt` give a version that supersedes it; an earlier attempt
        (a worker thought dead) changes nothing. Without a key every call makes a version.

        Args:
            model: Any supported object; a `pathlib.Path` to a file or folder is taken as it is.
            name: The model's name, such as `risk.churn`.
            metrics: Numbers; numpy scalars will do.
            params: Anything JSON can hold; the rest is kept as text.
            tags: Texts.
            description: A sentence.
            lineage: Where the model comes from: run ids, data versions.
            input_example: A few rows that the model's predict takes: kept beside the model, with the signature.
            aliases: Aliases that point to the new version from its first moment.
            format: A format's name; by the object's class if left out.
            key: What names this piece of work: run, step and output.
            attempt: Which attempt at it this is, as the orchestrator counts.

        Raises:
            InvalidInput: A name, value or format is not what it must be.
            NotSerializable: The object cannot be turned into files.
            AttemptSuperseded: A later attempt of the key has decided, and its version is not live.
            UnsafeStorage: The storage cannot hold a store.
        """
        said = Description(
            metrics=metrics, params=params, tags=tags, description=description, lineage=lineage, aliases=aliases
        )
        request = self._request("save", key, attempt)
        return save_model(self._handle, name, model, said, request, format=format, input_example=input_example)

    def load(self, reference: str, *, as_: LoadAs = "object", trust: str | Iterable[str] | Trust | None = None) -> Any:
        """The version's object; every byte is checked against the record before anything reads it.

        Args:
            reference: `name`, `name@3`, `name@alias`.
            as_: "object" (as it was saved), "path" (its folder: the store's own if that is on this machine, so do
                not write to it, else a copy that lasts as long as the process), or "pyfunc" (an MLflow pyfunc model).
            trust: This call's policy; the store's if left out.

        Raises:
            NotFound: There is no such model, version or alias.
            VersionDeleted, VersionPurged: It is not to be had.
            Corrupt: Its bytes are not what was saved; nothing was loaded.
            Untrusted: The policy does not allow what its files name; nothing was loaded.
            MissingExtra: A package that it needs is not installed.
        """
        parsed = parse_reference(reference)
        policy = self._handle.settings.trust if trust is None else parse_trust(trust)
        return load(self._handle.storage, self._handle.journal(parsed.name), parsed, as_, policy)

    def pull(self, reference: str, target: str | os.PathLike[str]) -> Path:
        """Copy the version's files, checked, into a new folder that appears whole or not at all.

        Raises:
            InvalidInput: The target exists and is not an empty folder.
            NotFound, VersionDeleted, VersionPurged, Corrupt: As for `load`.
        """
        parsed = parse_reference(reference)
        return pull(self._handle.storage, self._handle.journal(parsed.name), parsed, Path(target))

    def get(self, reference: str) -> ModelVersion:
        """The version's record, without its bytes; by number also of a deleted version.

        Raises:
            NotFound: There is no such model, version or alias.
        """
        parsed = parse_reference(reference)
        view = self._handle.view(parsed.name)
        return queries.record_of(view, view.resolve(parsed), self.url)

    def models(self) -> Records[ModelSummary]:
        """Every model, by name."""
        return listing.models(self._handle)

    def versions(
        self, name: str, *, order_by: str | None = None, limit: int | None = None, deleted: bool = False
    ) -> Records[ModelVersion]:
        """The model's live versions, newest first.

        Args:
            name: The model's name.
            order_by: Such as "metrics.auc DESC, number"; versions without the value come last.
            limit: At most so many.
            deleted: Deleted and superseded versions too.

        Raises:
            ModelNotFound: There is no such model.
            InvalidInput: `order_by` or `limit` is not understood.
        """
        limit = _checked_limit(limit)
        view = self._handle.view(name)
        found = queries.newest_versions(view, None if order_by else limit, deleted=deleted)
        records = [queries.record_of(view, version, self.url) for version in found]
        return Records((ordered(records, order_by) if order_by else records)[:limit])

    def promote(
        self,
        reference: str,
        alias: str,
        *,
        expect: Expectation = ANY,
        gates: Sequence[Gate] = (),
        reason: str = "",
        key: str | None = None,
    ) -> ModelVersion:
        """Point the alias to the version; linearizable, and judged on what holds at that very commit.

        Args:
            reference: The candidate.
            alias: Such as `champion`.
            expect: The number that the alias must point to now (compare-and-swap); None: it must not exist yet.
            gates: Rules that the candidate must pass, against the version that the alias points to at the commit. A
                refusal is recorded in the model's history.
            reason: Why, for history.
            key: Makes the call idempotent: a retry gives the first call's outcome.

        Returns:
            The version that the alias points to now.

        Raises:
            GateRefused: A gate said no; both sides' numbers are in the message and in `evidence`.
            AliasConflict: `expect` did not hold.
            NotFound, VersionDeleted, VersionPurged: The candidate is not to be had.
        """
        parsed, alias = parse_reference(reference), names.check_alias(alias)
        _check_expectation(expect)
        decide = partial(
            decisions.promote,
            reference=parsed,
            alias=alias,
            expect=expect,
            gates=_checked_gates(gates),
            reason=_text(reason),
        )
        outcome = self._write(parsed.name, self._request("promote", key), decide)
        if outcome.entry is not None and isinstance(outcome.entry.op, RefuseAlias):
            raise _refused(parsed.name, outcome.entry.op)
        return self._handle.record(outcome.view, outcome.number)

    def rollback(self, name: str, alias: str, *, reason: str = "", key: str | None = None) -> ModelVersion:
        """Point the alias to what it was before its last promotion, passing over versions deleted meanwhile.

        Each further rollback goes one step further back.

        Raises:
            AliasNotFound, ModelNotFound: There is no such alias or model.
            VersionNotFound: There is nothing to go back to.
        """
        decide = partial(decisions.rollback, alias=names.check_alias(alias), reason=_text(reason))
        return self._version(self._write(name, self._request("rollback", key), decide))

    def unalias(self, name: str, alias: str, *, reason: str = "", key: str | None = None) -> ModelVersion:
        """Remove the alias, and return the version that it pointed to.

        Raises:
            AliasNotFound, ModelNotFound: There is no such alias or model.
        """
        decide = partial(decisions.unalias, alias=names.check_alias(alias), reason=_text(reason))
        return self._version(self._write(name, self._request("unalias", key), decide))

    def annotate(
        self,
        reference: str,
        *,
        metrics: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        key: str | None = None,
    ) -> ModelVersion:
        """Add to or change a version's metrics, tags and description; a value of None removes the metric or tag.

        Raises:
            InvalidInput: A metric is not a number, or a tag not a text.
            NotFound, VersionDeleted, VersionPurged: The version is not to be had.
        """
        changes = Changes(
            metrics={**as_metrics(_kept(metrics)), **_removed(metrics)},
            tags={**as_tags(_kept(tags)), **_removed(tags)},
            description=None if description is None else _text(description),
        )
        parsed = parse_reference(reference)
        decide = partial(decisions.annotate, reference=parsed, changes=changes)
        return self._version(self._write(parsed.name, self._request("annotate", key), decide))

    def delete(self, reference: str, *, force: bool = False, reason: str = "", key: str | None = None) -> ModelVersion:
        """Take the version out of every listing; its bytes stay, so that `restore` can bring it back.

        Its number is never used again. What an alias points to is deleted only with `force`, which drops the alias.

        Raises:
            VersionInUse: An alias points to it.
            NotFound, VersionPurged: There is no such version (any more).
        """
        parsed = parse_reference(reference)
        decide = partial(decisions.delete, reference=parsed, force=force, reason=_text(reason))
        return self._version(self._write(parsed.name, self._request("delete", key), decide))

    def restore(self, reference: str, *, reason: str = "", key: str | None = None) -> ModelVersion:
        """Bring a deleted version back.

        Raises:
            VersionPurged: Its files are gone for good.
            NotFound: There is no such version.
        """
        parsed = parse_reference(reference)
        decide = partial(decisions.restore, reference=parsed, reason=_text(reason))
        return self._version(self._write(parsed.name, self._request("restore", key), decide))

    def history(self, name: str, *, limit: int | None = None) -> Records[Event]:
        """What happened to the model, newest first: who, when, why, from, to; refused promotions too.

        Raises:
            ModelNotFound: There is no such model.
        """
        return queries.history(self._handle.view(name), _checked_limit(limit))

    def compare(self, left: str, right: str) -> Comparison:
        """All in which two versions differ: metrics, params, tags, environment, signature, files.

        Raises:
            NotFound: One of them is not there.
        """
        return queries.compare(self.get(left), self.get(right))

    def changes(self, cursor: str | None = None) -> Feed:
        """What was committed to any model since the cursor (None: ever), and the cursor for the next call.

        Every acknowledged change is in this answer or a later one. A change that comes twice has the same event id.

        Raises:
            InvalidInput: It is not a cursor that `changes` returned.
        """
        return listing.changes(self._handle, cursor)

    def _request(self, verb: Verb, key: str | None, attempt: int = 0) -> Request:
        if isinstance(attempt, bool) or not isinstance(attempt, int) or attempt < 0:
            raise InvalidInput(f"attempt={attempt!r} is no count.", value=attempt, fix="Count from 0.")
        checked = None if key is None else names.check_key(key)
        return Request(verb=verb, actor=self._handle.settings.actor, key=checked, attempt=attempt)

    def _write(self, name: str, request: Request, decide: Decide) -> Outcome:
        return self._handle.write(name, request, decide)

    def _version(self, outcome: Outcome) -> ModelVersion:
        return self._handle.record(outcome.view, outcome.number)


def _refused(name: str, op: RefuseAlias) -> GateRefused:
    said = "; ".join(finding.message for finding in op.evidence if not finding.passed)
    return GateRefused(
        f"{name}@{op.number} was not promoted to {op.alias!r}: {said}.",
        value=f"{name}@{op.number}",
        fix="Improve the model or change the gates; the refusal stands in the model's history.",
        evidence=op.evidence,
    )


def _checked_gates(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    for gate in gates:
        if not callable(getattr(gate, "judge", None)):
            raise InvalidInput(f"{gate!r} is no gate.", value=repr(gate), fix="Pass AtLeast(…) or Improves(…).")
    return tuple(gates)


def _check_expectation(expect: object) -> None:
    if expect is None or expect is ANY or (isinstance(expect, int) and not isinstance(expect, bool) and expect > 0):
        return
    raise InvalidInput(
        f"expect={expect!r} is no version number.", value=expect, fix="Pass a number, or None for 'not set yet'."
    )


def _checked_limit(limit: int | None) -> int | None:
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit > 0):
        return limit
    raise InvalidInput(f"limit={limit!r} is no count.", value=limit, fix="Pass 1 or more.")


def _text(value: str) -> str:
    if isinstance(value, str):
        return value
    raise InvalidInput(f"{value!r} is not text.", value=value, fix="Pass a sentence.")


def _kept(values: Mapping[str, object] | None) -> dict[str, object]:
    return {key: value for key, value in (values or {}).items() if value is not None}


def _removed(values: Mapping[str, object] | None) -> dict[str, None]:
    return {key: None for key, value in (values or {}).items() if value is None}
