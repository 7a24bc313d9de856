"""The verbs that commit: save, move aliases, annotate, delete and restore. Each is one commit, or none."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from modelstore_core.errors import InvalidInput
from modelstore_core.journal.admission import stamp
from modelstore_core.model import names
from modelstore_core.model.json import as_metrics, as_tags
from modelstore_core.model.names import parse_reference
from modelstore_core.model.operations import RefuseAlias, Verb
from modelstore_core.model.records import ModelVersion
from modelstore_core.registry import decisions
from modelstore_core.registry.decisions import ANY, Expectation
from modelstore_core.registry.writer import Decide, Outcome, Request
from modelstore_core.store.handle import Handle
from modelstore_core.store.reasons import as_reason, needed_reason
from modelstore_core.store.saving import Description, ExtraFiles, save_model

# Most processes save or load: what judges, and what is said later, is imported by the verb that is called.
if TYPE_CHECKING:
    from modelstore_core.model.gates import Gates

__all__ = ["Writing"]


class Writing:
    """What a store is told."""

    _handle: Handle

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
        extra_files: ExtraFiles = None,
        aliases: Sequence[str] = (),
        format: str | None = None,  # noqa: A002 - the word users know
        key: str | None = None,
        attempt: int = 0,
        prove: bool | float = False,
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
            extra_files: Files and folders that belong to the version too: paths, or names and paths. They lie in its
                folder `extra_files/`.
            aliases: Aliases that point to the new version from its first moment.
            format: A format's name; by the object's class if left out.
            key: What names this piece of work: run, step and output.
            attempt: Which attempt at it this is, as the orchestrator counts.
            prove: Before the version is published, read it back from the store in a clean process, which knows what
                is installed and nothing of this script, and predict the input example there. True: within five
                minutes; a number: within so many seconds. What came of it is the version's `proved`.

        Raises:
            InvalidInput: A name, value or format is not what it must be.
            NotSerializable: The object cannot be turned into files.
            ProofFailed: The clean process did not get the object back; nothing was published.
            AttemptSuperseded: A later attempt of the key has decided, and its version is not live.
            AliasProtected: Rules guard one of the aliases: promote the version to it after it was saved.
            UnsafeStorage: The storage cannot hold a store.
        """
        said = Description(
            metrics=metrics, params=params, tags=tags, description=description, lineage=lineage, aliases=aliases
        )
        request = self._request("save", key, attempt)
        return save_model(
            self._handle,
            name,
            model,
            said,
            request,
            format=format,
            input_example=input_example,
            extra_files=extra_files,
            prove=prove,
        )

    def promote(
        self,
        reference: str,
        alias: str,
        *,
        expect: Expectation = ANY,
        gates: "Gates" = (),
        override: bool = False,
        reason: str = "",
        key: str | None = None,
    ) -> ModelVersion:
        """Point the alias to the version; linearizable, and judged on what holds at that very commit.

        If rules guard the alias (see `protect`), they are judged too.

        Args:
            reference: The candidate.
            alias: Such as `champion`.
            expect: The number that the alias must point to now (compare-and-swap); None: it must not exist yet.
            gates: Rules that the candidate must pass, against the version that the alias points to at the commit; or
                MLflow's `MetricThreshold` by metric. What they found stands in the model's history, also if it refuses.
            override: Move the alias also if rules refuse, and let history show that: it needs a reason.
            reason: Why, for history.
            key: Makes the call idempotent: a retry gives the first call's outcome.

        Returns:
            The version that the alias points to now.

        Raises:
            GateRefused: A gate said no; both sides' numbers are in the message and in `evidence`.
            InvalidInput: Something is no gate, or `override` has no reason.
            StoreTooNew: A later release guards the alias by a rule that this one does not know.
            AliasConflict: `expect` did not hold.
            NotFound, VersionDeleted, VersionPurged: The candidate is not to be had.
        """
        from modelstore_core.model.gates import checked_gates
        from modelstore_core.registry import promoting

        parsed = parse_reference(reference)
        _check_expectation(expect)
        wish = promoting.Promotion(
            reference=parsed,
            alias=names.check_alias(alias),
            expect=expect,
            gates=checked_gates(gates),
            reason=needed_reason(reason, "override rules") if override else as_reason(reason),
            override=override,
            now=self._handle.ports.now(),
        )
        outcome = self._write(parsed.name, self._request("promote", key), partial(promoting.promote, wish=wish))
        if outcome.entry is not None and isinstance(outcome.entry.op, RefuseAlias):
            from modelstore_core.store.refusals import refused

            raise refused(self._handle, parsed.name, outcome.entry.op)
        return self._handle.record(outcome.view, outcome.number)

    def rollback(
        self, name: str, alias: str, *, steps: int = 1, reason: str = "", key: str | None = None
    ) -> ModelVersion:
        """Point the alias to what it was before its last promotion, passing over versions deleted meanwhile.

        Each further rollback goes one step further back; `steps` are gone in one commit, or not at all.

        Raises:
            InvalidInput: `steps` is no count.
            AliasNotFound, ModelNotFound: There is no such alias or model.
            VersionNotFound: There is nothing to go back to.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InvalidInput(f"steps={steps!r} is no count.", value=steps, fix="Pass 1 or more.")
        decide = partial(decisions.rollback, alias=names.check_alias(alias), steps=steps, reason=as_reason(reason))
        return self._version(self._write(name, self._request("rollback", key), decide))

    def unalias(
        self, name: str, alias: str, *, override: bool = False, reason: str = "", key: str | None = None
    ) -> ModelVersion:
        """Remove the alias, and return the version that it pointed to.

        Raises:
            AliasProtected: Rules guard it; with `override` and a reason it goes all the same, and the rules stay.
            AliasNotFound, ModelNotFound: There is no such alias or model.
        """
        from modelstore_core.registry import promoting

        why = needed_reason(reason, "override rules") if override else as_reason(reason)
        decide = partial(promoting.unalias, alias=names.check_alias(alias), reason=why, override=override)
        return self._version(self._write(name, self._request("unalias", key), decide))

    def annotate(
        self,
        reference: str,
        *,
        metrics: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
        checks: Mapping[str, object] | None = None,
        key: str | None = None,
    ) -> ModelVersion:
        """Add to or change a version's metrics, tags and description; a value of None removes the metric or tag.

        `checks` are outcomes of tests made of the version: True or False, or that and a message, such as
        `{"drift": True, "bias": (False, "women are refused twice as often")}`. The newest outcome of a check is what
        counts; who recorded it, and when, is kept with it.

        Raises:
            InvalidInput: A metric is not a number, a tag not a text, or an outcome neither true nor false.
            TooLarge: A message is longer than 2 KiB, or the version would have outcomes of over a hundred checks.
            NotFound, VersionDeleted, VersionPurged: The version is not to be had.
        """
        from modelstore_core.model.reviews import as_checks
        from modelstore_core.registry import reviewing

        changes = reviewing.Changes(
            metrics={**as_metrics(_kept(metrics)), **_removed(metrics)},
            tags={**as_tags(_kept(tags)), **_removed(tags)},
            description=None if description is None else as_reason(description),
            checks=as_checks(checks, self._handle.settings.actor, stamp(self._handle.ports)),
        )
        parsed = parse_reference(reference)
        decide = partial(reviewing.annotate, reference=parsed, changes=changes)
        return self._version(self._write(parsed.name, self._request("annotate", key), decide))

    def delete(self, reference: str, *, force: bool = False, reason: str = "", key: str | None = None) -> ModelVersion:
        """Take the version out of every listing; its bytes stay, so that `restore` can bring it back.

        Its number is never used again. What an alias points to is deleted only with `force`, which drops the alias.

        Raises:
            VersionInUse: An alias points to it.
            AliasProtected: An alias that was to go with it is guarded by rules.
            NotFound, VersionPurged: There is no such version (any more).
        """
        parsed = parse_reference(reference)
        decide = partial(decisions.delete, reference=parsed, force=force, reason=as_reason(reason))
        return self._version(self._write(parsed.name, self._request("delete", key), decide))

    def restore(self, reference: str, *, reason: str = "", key: str | None = None) -> ModelVersion:
        """Bring a deleted version back.

        Raises:
            VersionPurged: Its files are gone for good.
            NotFound: There is no such version.
        """
        parsed = parse_reference(reference)
        decide = partial(decisions.restore, reference=parsed, reason=as_reason(reason))
        return self._version(self._write(parsed.name, self._request("restore", key), decide))

    def _request(self, verb: Verb, key: str | None, attempt: int = 0) -> Request:
        if isinstance(attempt, bool) or not isinstance(attempt, int) or attempt < 0:
            raise InvalidInput(f"attempt={attempt!r} is no count.", value=attempt, fix="Count from 0.")
        checked = None if key is None else names.check_key(key)
        return Request(verb=verb, actor=self._handle.settings.actor, key=checked, attempt=attempt)

    def _write(self, name: str, request: Request, decide: Decide) -> Outcome:
        return self._handle.write(name, request, decide)

    def _version(self, outcome: Outcome) -> ModelVersion:
        return self._handle.record(outcome.view, outcome.number)


def _check_expectation(expect: object) -> None:
    if expect is None or expect is ANY or (isinstance(expect, int) and not isinstance(expect, bool) and expect > 0):
        return
    raise InvalidInput(
        f"expect={expect!r} is no version number.", value=expect, fix="Pass a number, or None for 'not set yet'."
    )


def _kept(values: Mapping[str, object] | None) -> dict[str, object]:
    return {key: value for key, value in (values or {}).items() if value is not None}


def _removed(values: Mapping[str, object] | None) -> dict[str, None]:
    return {key: None for key, value in (values or {}).items() if value is None}
