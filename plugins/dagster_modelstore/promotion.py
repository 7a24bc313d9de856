"""Promotion as Dagster knows it: gates as run configuration, and a refusal as a failed run with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from dagster_modelstore.announcing import event_of, moved, standins
from dagster_modelstore.cards import evidence_table, version_metadata
from modelstore_core import AtLeast, CheckPassed, Event, Gate, GateRefused, Improves, ModelVersion, gate_of

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["GateConfig", "Promotion", "announce", "promote", "roll_back"]


class GateConfig(dg.Config):
    """What a promotion must pass, besides the rules that stand in code; and why it is done."""

    at_least: dict[str, float] = Field(
        default={}, description="Metric → the least that the candidate must have, such as {auc: 0.9}."
    )
    rises: dict[str, float] = Field(
        default={},
        description="Metric → by how much it must be above the current version's; 0: above at all.",
    )
    falls: dict[str, float] = Field(
        default={},
        description="Metric → by how much it must be below the current version's; 0: below at all.",
    )
    checks: list[str] = Field(default=[], description="Checks that must have passed, such as [gate].")
    rules: list[dict[str, Any]] = Field(
        default=[], description="Any other rule as data, such as {rule: has_tag, key: reviewed}."
    )
    reason: str = Field(default="", description="Why, as the model's history will show it.")

    def gates(self) -> list[Gate]:
        """The rules that were asked for.

        Raises:
            InvalidInput: A number is not finite, a margin negative, or something no rule.
        """
        return [
            *(AtLeast(metric, threshold) for metric, threshold in self.at_least.items()),
            *(Improves(metric, by=margin) for metric, margin in self.rises.items()),
            *(Improves(metric, by=margin, direction="min") for metric, margin in self.falls.items()),
            *map(CheckPassed, self.checks),
            *map(gate_of, self.rules),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What a promotion came to: the version, and the event in history, or None if the alias was there already."""

    version: ModelVersion
    alias: str
    event: Event | None

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """What the run shows of it."""
        said = {**version_metadata(self.version), "modelstore/alias": dg.MetadataValue.text(self.alias)}
        if self.event is not None:
            before = "none" if self.event.previous is None else f"{self.event.model}@{self.event.previous}"
            said["modelstore/event"] = dg.MetadataValue.text(self.event.id)
            said["modelstore/previous"] = dg.MetadataValue.text(before)
            said["modelstore/gates"] = evidence_table(self.event.evidence)
        return said


def promote(
    store: "ModelStore", reference: str, alias: str, config: GateConfig, *, rules: Sequence[Gate], key: str
) -> Promotion:
    """Point the alias to the version if every gate passes; a retry with the same key gives the first outcome.

    Raises:
        Failure: A gate refused; the numbers of both sides are in its description and metadata.
        NotFound, VersionDeleted, VersionPurged: The candidate is not to be had.
    """
    try:
        version = store.promote(reference, alias, gates=[*rules, *config.gates()], reason=config.reason, key=key)
    except GateRefused as refusal:
        raise dg.Failure(
            description=str(refusal),
            metadata={
                "modelstore/candidate": str(refusal.value),
                "modelstore/alias": alias,
                "modelstore/gates": evidence_table(refusal.evidence),
            },
            allow_retries=False,
        ) from refusal
    return Promotion(version=version, alias=alias, event=event_of(store, version, alias, key))


def roll_back(store: "ModelStore", model: str, alias: str, *, steps: int, reason: str, key: str) -> Promotion:
    """Point the alias to what it was so many promotions ago; a retry with the same key gives the first outcome.

    Raises:
        NotFound: There is no such model or alias, or nothing to go back to.
        InvalidInput: `steps` is no count.
    """
    version = store.rollback(model, alias, steps=steps, reason=reason, key=key)
    return Promotion(version=version, alias=alias, event=event_of(store, version, alias, key))


def announce(context: dg.OpExecutionContext, done: Promotion) -> None:
    """Materialize the assets that stand for the alias, where nobody else has: what depends on them becomes stale."""
    among = standins(context, done.version.name, done.alias)
    event = None if done.event is None else done.event.id
    for materialization in moved(among, context.instance, done.version, done.alias, event):
        context.log_event(materialization)
