"""Approvals: what is said, and what waits to be said, in one model or in all of them."""

from datetime import datetime
from functools import partial

from modelstore_core.journal.admission import stamp
from modelstore_core.model.gates.approval import round_of
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import Review, Verb, Verdict
from modelstore_core.model.records import Records
from modelstore_core.model.reviews import Approval, ApprovalState, Vote
from modelstore_core.registry import reviewing
from modelstore_core.registry.fold import Folded
from modelstore_core.registry.indexed import Indexed
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Request
from modelstore_core.store.handle import Handle

__all__ = ["approvals", "review"]

_VERBS: dict[Verdict, Verb] = {"requested": "request_approval", "approved": "approve", "rejected": "reject"}


def review(
    handle: Handle, reference: Reference, alias: str, verdict: Verdict, comment: str, key: str | None
) -> Approval:
    """Commit what the actor says, and return where the version stands then."""
    actor = handle.settings.actor
    said = Review(alias=alias, verdict=verdict, actor=actor, time=stamp(handle.ports), comment=comment)
    request = Request(verb=_VERBS[verdict], actor=actor, key=key)
    outcome = handle.write(reference.name, request, partial(reviewing.review, reference=reference, said=said))
    return _approval(outcome.view, outcome.view.version(outcome.number), alias)


def approvals(handle: Handle, name: str | None, *, pending: bool) -> Records[Approval]:
    """What is pending, or every last round, of one model or of all: by model, then by version, then by alias."""
    names = [name] if name is not None else _names(handle, pending=pending)

    def find(one: str) -> list[Approval]:
        return _pending(handle.reading(one)) if pending else _all(handle.reading(one, None))

    found = handle.storage.together([partial(find, one) for one in names])
    return Records((approval for approvals in found for approval in approvals), Approval)


def _names(handle: Handle, *, pending: bool) -> list[str]:
    """The models in which something is pending, or all: by the newest commits, or what is known of them by etag."""
    snapshots = [held.snapshot for held in handle.gathering().models(versions=False)]
    return sorted(one.model for one in snapshots if one.state.pending or not pending)


def _pending(view: Indexed) -> list[Approval]:
    view.require()
    asked: dict[int, list[str]] = {}
    for number, alias in sorted(view.state.pending):
        asked.setdefault(number, []).append(alias)
    versions = [view.version(number) for number in asked]
    return [_approval(view, version, alias) for version in versions for alias in asked[version.number]]


def _all(view: Indexed) -> list[Approval]:
    versions = view.newest_versions(None, lambda one: one, deleted=False)
    return [
        _approval(view, version, alias)
        for version in reversed(versions)
        for alias in sorted({one.alias for one in version.reviews})
    ]


def _approval(view: View, version: Folded, alias: str) -> Approval:
    held = round_of([one for one in version.reviews if one.alias == alias])
    state: ApprovalState = "requested"
    if held.votes:
        state = "rejected" if held.rejecters else "approved"
    return Approval(
        name=view.model,
        number=version.number,
        alias=alias,
        state=state,
        pending=(version.number, alias) in view.state.pending,
        requested_by=None if held.request is None else held.request.actor,
        requested_at=None if held.request is None else datetime.fromisoformat(held.request.time),
        comment="" if held.request is None else held.request.comment,
        votes=tuple(_vote(vote) for vote in held.votes),
    )


def _vote(vote: Review) -> Vote:
    return Vote(
        actor=vote.actor,
        approves=vote.verdict == "approved",
        time=datetime.fromisoformat(vote.time),
        comment=vote.comment,
    )
