"""Approvals: asked for, given, refused, counted by round and actor; pending ones are found from heads alone."""

from collections.abc import Callable

import pytest

from modelstore_core import (
    AliasConflict,
    Approved,
    GateRefused,
    InvalidInput,
    InvalidName,
    ModelNotFound,
    ModelStore,
    TooLarge,
    VersionDeleted,
    VersionNotFound,
)
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.stores import store_over

As = Callable[[str], ModelStore]


def pending(store: ModelStore) -> list[str]:
    return [f"{approval.ref} {approval.alias}" for approval in store.approvals()]


def test_an_approval_is_asked_for_and_given(four: ModelStore, as_actor: As, memory: MemoryStorage) -> None:
    four.protect("m", "champion", [Approved(2, not_by_author=True)])
    asked = four.request_approval("m@3", "champion", comment="better on March")
    assert (asked.ref, asked.state, asked.pending, asked.requested_by) == ("m@3", "requested", True, "ada")
    with pytest.raises(GateRefused, match="m@3 is approved by nobody; needed: approved by 2, not the author"):
        four.promote("m@3", "champion")

    given = as_actor("bo").approve("m@3", "champion", comment="looks good")
    assert (given.state, given.pending, [str(vote) for vote in given.votes]) == (
        "approved",
        False,
        ["approved by bo (looks good)"],
    )
    four.approve("m@3", "champion")
    with pytest.raises(GateRefused, match="m@3 is approved by bo; needed"):
        four.promote("m@3", "champion")
    as_actor("cy").approve("m@3", "champion")

    assert four.promote("m@3", "champion").number == 3
    assert [e.kind for e in four.history("m", limit=4)] == [
        "alias.moved",
        "approval.granted",
        "promotion.refused",
        "approval.granted",
    ]
    audit(memory, "m")


def test_a_rejection_stands_until_its_actor_or_a_new_round_says_otherwise(four: ModelStore, as_actor: As) -> None:
    bo, cy, gates = as_actor("bo"), as_actor("cy"), [Approved()]
    four.request_approval("m@3", "champion")
    bo.approve("m@3", "champion")
    assert cy.reject("m@3", "champion", comment="not on Fridays").state == "rejected"
    with pytest.raises(GateRefused, match="m@3 is rejected by cy"):
        four.promote("m@3", "champion", gates=gates)
    cy.approve("m@3", "champion")
    bo.reject("m@3", "champion")
    four.request_approval("m@3", "champion", comment="again")
    with pytest.raises(GateRefused, match="is approved by nobody"):
        four.promote("m@3", "champion", gates=gates)
    cy.approve("m@3", "champion")

    assert four.promote("m@3", "champion", gates=gates).number == 3


def test_an_approval_holds_for_one_version_and_one_alias(four: ModelStore) -> None:
    four.approve("m@3", "champion")

    for reference, alias in (("m@2", "champion"), ("m@3", "shadow")):
        with pytest.raises(GateRefused):
            four.promote(reference, alias, gates=[Approved()])


def test_what_is_pending_is_told_of_all_models(four: ModelStore, as_actor: As) -> None:
    four.save({"w": 1}, "another", format="pickle")
    four.request_approval("m@3", "champion", comment="please")
    four.request_approval("m@2", "shadow")
    four.request_approval("m@2", "champion")
    four.request_approval("another@1", "champion")

    assert pending(four) == ["another@1 champion", "m@2 champion", "m@2 shadow", "m@3 champion"]
    assert [one.comment for one in four.approvals("m")] == ["", "", "please"]
    assert "another@1" in repr(four.approvals())
    as_actor("bo").reject("m@2", "shadow")
    assert pending(four) == ["another@1 champion", "m@2 champion", "m@3 champion"]
    assert [one.state for one in four.approvals("m", pending=False)] == ["requested", "rejected", "requested"]
    assert len(four.approvals(pending=False)) == 4
    assert list(four.approvals("m", pending=False).to_pandas()["version"]) == ["m@2", "m@2", "m@3"]


ENDS = {
    "an approval": lambda s: s.approve("m@3", "c"),
    "a rejection": lambda s: s.reject("m@3", "c"),
    "the alias": lambda s: s.promote("m@3", "c"),
    "the deletion": lambda s: s.delete("m@3"),
    "the model's deletion": lambda s: s.delete_model("m"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_request_waits_until(four: ModelStore, memory: MemoryStorage, end: str) -> None:
    four.request_approval("m@3", "c")
    assert pending(four) == ["m@3 c"]
    ENDS[end](four)

    assert pending(four) == []
    audit(memory, "m")


def test_a_superseded_version_waits_for_nobody(four: ModelStore, memory: MemoryStorage) -> None:
    four.save({"w": 8}, "m", format="pickle", key="k")
    four.request_approval("m@5", "c")
    four.save({"w": 9}, "m", format="pickle", key="k", attempt=1)

    assert pending(four) == []
    audit(memory, "m")


def test_an_alias_that_a_rollback_brings_is_waited_for_no_more(four: ModelStore, memory: MemoryStorage) -> None:
    four.promote("m@2", "c")
    four.promote("m@3", "c")
    four.request_approval("m@2", "c")
    four.rollback("m", "c")

    assert pending(four) == []
    audit(memory, "m")


def test_saying_the_same_again_commits_nothing(four: ModelStore, memory: MemoryStorage) -> None:
    for _ in range(2):
        four.request_approval("m@3", "c", comment="please")
    for _ in range(2):
        four.approve("m@3", "c")
    for _ in range(2):
        four.reject("m@3", "c")
    four.approve("m@3", "c")

    verbs = [e["verb"] for e in audit(memory, "m").entries[4:]]
    assert verbs == ["request_approval", "approve", "reject", "approve"]


def test_another_request_after_a_vote_is_another_round(four: ModelStore, memory: MemoryStorage) -> None:
    four.request_approval("m@3", "c", comment="please")
    four.approve("m@3", "c")
    again = four.request_approval("m@3", "c", comment="please")

    assert (again.state, again.votes, again.pending) == ("requested", (), True)
    assert len(audit(memory, "m").entries) == 7


def test_keyed_votes_are_cast_once(four: ModelStore, memory: MemoryStorage) -> None:
    four.approve("m@3", "c", key="k")
    four.reject("m@3", "c")
    four.approve("m@3", "c", key="k")

    assert four.approvals("m", pending=False)[0].state == "rejected"
    assert len(audit(memory, "m").entries) == 6


def test_there_is_nothing_to_approve_where_the_alias_is(four: ModelStore) -> None:
    four.promote("m@3", "c")
    with pytest.raises(AliasConflict, match="points to m@3 already"):
        four.request_approval("m@3", "c")


BAD: list[tuple[type[Exception], Callable[[ModelStore], object]]] = [
    (InvalidName, lambda s: s.approve("m@3", "latest")),
    (InvalidInput, lambda s: s.approve("m@3", "c", comment=3)),  # type: ignore[arg-type]
    (TooLarge, lambda s: s.approve("m@3", "c", comment="é" * 1025)),
    (VersionNotFound, lambda s: s.reject("m@9", "c")),
    (VersionDeleted, lambda s: s.approve("m@4", "c")),
    (ModelNotFound, lambda s: s.request_approval("n@1", "c")),
    (ModelNotFound, lambda s: s.approvals("n")),
    (ModelNotFound, lambda s: s.approvals("n", pending=False)),
]


@pytest.mark.parametrize(("error", "act"), BAD)
def test_what_cannot_be_approved(
    four: ModelStore, memory: MemoryStorage, error: type[Exception], act: Callable[[ModelStore], object]
) -> None:
    four.delete("m@4")
    with pytest.raises(error) as refused:
        act(four)
    assert getattr(refused.value, "fix")  # noqa: B009 -- of whichever type it is
    assert len(audit(memory, "m").entries) == 5


def test_reviews_that_do_not_count_make_room_for_more(four: ModelStore, as_actor: As, memory: MemoryStorage) -> None:
    for step in range(60):
        four.request_approval("m@3", "c", comment=str(step))
        as_actor("bo").approve("m@3", "c")
    as_actor("cy").reject("m@3", "shadow")

    [champion, shadow] = four.approvals("m", pending=False)
    assert ([vote.actor for vote in champion.votes], champion.comment) == (["bo"], "59")
    assert shadow.state == "rejected"
    assert len(four.history("m")) == 4 + 121
    audit(memory, "m")


def test_so_many_that_all_count_are_too_many(four: ModelStore, as_actor: As) -> None:
    for i in range(100):
        as_actor(f"actor-{i}").approve("m@3", "c")
    with pytest.raises(TooLarge, match="101 things would be said of m@3 that count") as refused:
        as_actor("one-more").approve("m@3", "c")
    assert "another round" in refused.value.fix
    four.request_approval("m@3", "c")

    assert as_actor("one-more").approve("m@3", "c").state == "approved"


def test_pending_ones_are_read_from_heads_and_what_they_name(memory: MemoryStorage) -> None:
    store = store_over(memory)
    for i in range(20):
        store.save({"w": i}, f"model-{i}", format="pickle")
    store.request_approval("model-7@1", "c")
    counting = CountingStorage(memory)
    cold = store_over(counting)

    assert [one.ref for one in cold.approvals()] == ["model-7@1"]
    assert len(counting.requests) <= 2 + 20 * 3 + 3  # the listing and the catalog, each model, and the one again
    counting.reset()
    assert len(cold.approvals()) == 1
    assert len(counting.requests) <= 3
