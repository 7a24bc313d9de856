"""The verbs on rules that guard aliases, and on approvals. Each that writes is one commit, or none."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from modelstore_core.model import names
from modelstore_core.model.names import parse_reference
from modelstore_core.model.records import Records
from modelstore_core.model.reviews import Approval, as_comment
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Decide, Request
from modelstore_core.store.handle import Handle
from modelstore_core.store.reasons import as_reason, needed_reason

# Most processes govern nothing: what these verbs stand on is imported by the verb that is called.
if TYPE_CHECKING:
    from modelstore_core.model.gates import Gate, Gates
    from modelstore_core.model.operations import Verdict

__all__ = ["Governing"]


class Governing:
    """What decides beside numbers."""

    _handle: Handle

    def protect(
        self, name: str, alias: str, gates: "Gates", *, reason: str = "", key: str | None = None
    ) -> "tuple[Gate, ...]":
        """Let rules guard the alias, whether it is set or not: each promotion to it must pass them.

        They replace those that guarded it before. They are judged with what the promotion itself asks, on what holds at
        its very commit. What would go around them is refused with `AliasProtected`: a save that sets the alias,
        `unalias`, and the forced deletion of what it points to. A rollback is not judged. `promote(override=True)`
        moves the alias all the same. Whoever may write may also change the rules. History shows all of it.

        Args:
            name: The model; it must exist.
            alias: Such as `champion`.
            gates: Gates that are data, or MLflow's `MetricThreshold` by metric.
            reason: Why, for history.
            key: Makes the call idempotent: a retry gives the first call's outcome.

        Returns:
            The gates that guard the alias now.

        Raises:
            InvalidInput: There are none, or one of them is not a gate that can be stored.
            ModelNotFound: There is no such model.
        """
        from modelstore_core.model.gates import rules_of
        from modelstore_core.registry import rules

        decide = partial(rules.protect, alias=names.check_alias(alias), rules=rules_of(gates), reason=as_reason(reason))
        return rules.rules_in_force(self._set_rules(name, key, decide), alias)

    def unprotect(self, name: str, alias: str, *, reason: str, key: str | None = None) -> None:
        """Let no rules guard the alias any more.

        Raises:
            InvalidInput: The reason is empty.
            ModelNotFound: There is no such model.
        """
        from modelstore_core.registry import rules

        decide = partial(
            rules.unprotect, alias=names.check_alias(alias), reason=needed_reason(reason, "take away rules")
        )
        self._set_rules(name, key, decide)

    def gates(self, name: str) -> "Mapping[str, tuple[Gate, ...]]":
        """The rules that guard the model's aliases, by alias.

        Raises:
            ModelNotFound: There is no such model.
            StoreTooNew: A later release stored a rule that this one does not know.
        """
        from modelstore_core.registry import rules

        view = self._handle.view(name)
        head = view.require_open()
        view.journal.together(
            [partial(view.journal.entry, seq, head) for seq in sorted(set(head.state.rules.values()))]
        )
        return {alias: rules.rules_in_force(view, alias) for alias in sorted(head.state.rules)}

    def request_approval(self, reference: str, alias: str, *, comment: str = "", key: str | None = None) -> Approval:
        """Ask for the version's approval for the alias: the beginning of a round, in which earlier votes do not count.

        It is pending until somebody approves or rejects, the alias comes to the version, or the version goes.

        Raises:
            AliasConflict: The alias points to the version already.
            TooLarge: The comment is longer than 2 KiB, or over a thousand requests of the model are pending.
            NotFound, VersionDeleted, VersionPurged: The version is not to be had.
        """
        return self._review(reference, alias, "requested", comment, key)

    def approve(self, reference: str, alias: str, *, comment: str = "", key: str | None = None) -> Approval:
        """Say that the version may get the alias: the gate `Approved` counts it, once an actor, in this round.

        Who says so is what `actor=` of the store says: asserted, not authenticated. Where that is not enough, keep the
        credentials to write from those who must not approve.

        Raises:
            TooLarge: The comment is longer than 2 KiB.
            NotFound, VersionDeleted, VersionPurged: The version is not to be had.
        """
        return self._review(reference, alias, "approved", comment, key)

    def reject(self, reference: str, alias: str, *, comment: str = "", key: str | None = None) -> Approval:
        """Say that the version must not get the alias, until the actor approves or a new round begins.

        Raises:
            TooLarge: The comment is longer than 2 KiB.
            NotFound, VersionDeleted, VersionPurged: The version is not to be had.
        """
        return self._review(reference, alias, "rejected", comment, key)

    def approvals(self, name: str | None = None, *, pending: bool = True) -> Records[Approval]:
        """What waits for somebody to approve or reject, of one model or of all; with `pending=False`, every last round.

        Args:
            name: The model; every model if left out.
            pending: Only what was requested and not answered yet: this needs the newest commits alone, and what they
                name. All rounds need the listing of all versions.

        Raises:
            ModelNotFound: There is no such model.
        """
        from modelstore_core.store import approvals

        return approvals.approvals(self._handle, name, pending=pending)

    def _review(self, reference: str, alias: str, verdict: "Verdict", comment: str, key: str | None) -> Approval:
        from modelstore_core.store import approvals

        parsed, alias = parse_reference(reference), names.check_alias(alias)
        return approvals.review(self._handle, parsed, alias, verdict, as_comment(comment), _key(key))

    def _set_rules(self, name: str, key: str | None, decide: Decide) -> View:
        request = Request(verb="protect", actor=self._handle.settings.actor, key=_key(key))
        return self._handle.write(name, request, decide).view


def _key(key: str | None) -> str | None:
    return None if key is None else names.check_key(key)
