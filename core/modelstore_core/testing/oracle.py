"""What a registry means, without log, storage or fold: dicts, written independently of the code that it judges.

A store under test and an oracle are asked the same; `testing.facts` brings what they answer to one form.
The oracle raises the same types of errors. It runs one call after the other: of concurrency it knows nothing.
"""

from collections.abc import Callable, Mapping, Sequence

from modelstore_core.errors import (
    AliasConflict,
    AliasNotFound,
    AttemptSuperseded,
    GateRefused,
    ModelNotFound,
    VersionDeleted,
    VersionInUse,
    VersionNotFound,
    VersionPurged,
)
from modelstore_core.model.gates import Gate
from modelstore_core.model.names import Reference, parse_reference
from modelstore_core.model.operations import Verb, Verdict
from modelstore_core.model.records import EventKind
from modelstore_core.registry.decisions import ANY, Expectation
from modelstore_core.testing.facts import Facts, Happening, Summary
from modelstore_core.testing.oracle_model import Model, Version

__all__ = ["Oracle"]


class Oracle:
    """The verbs of `ModelStore` on plain dicts; each returns what the version is afterwards."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}

    def save(
        self,
        name: str,
        digest: str,
        *,
        metrics: Mapping[str, float | int] | None = None,
        aliases: Sequence[str] = (),
        key: str | None = None,
        attempt: int = 0,
    ) -> Facts:
        """Add a version, or find the one that the key made."""
        model = self._models.get(name) or Model()
        mine = [v for v in model.versions.values() if key is not None and v.key == key]
        last = mine[-1] if mine else None
        if last is not None and last.live and (last.digest == digest or attempt < last.attempt):
            return self._facts(model, last.number)
        if last is not None and attempt < last.attempt:
            raise AttemptSuperseded(f"attempt {attempt} comes after attempt {last.attempt}", value=attempt)
        model.guarded(aliases)
        number = len(model.versions) + 1
        model.versions[number] = Version(number, digest, dict(metrics or {}), key, attempt)
        if last is not None:
            last.superseded_by, model.versions[number].supersedes = number, last.number
            model.forget_requests(last.number)
        self._models[name] = model
        model.seq += 1
        model.happened("version.created", number)
        for alias in sorted(aliases):
            model.point(alias, [*model.trails.get(alias, ()), number])
        return self._facts(model, number)

    def promote(
        self,
        reference: str,
        alias: str,
        *,
        expect: Expectation = ANY,
        gates: Sequence[Gate] = (),
        override: bool = False,
        key: str | None = None,
    ) -> Facts:
        """Move an alias forward, past its rules and the gates, or against them."""

        def decide(model: Model, ref: Reference) -> int | GateRefused:
            number = self._usable(model, ref).number
            trail = model.trails.get(alias, [])
            current = trail[-1] if trail else None
            if expect is not ANY and expect != current:
                raise AliasConflict(f"{alias} points to {current}, not {expect}", value=current)
            if number == current:
                return number
            against = None if current is None else model.side(current, alias)
            rules = [*model.rules.get(alias, ()), *gates]
            findings = tuple(gate.judge(model.side(number, alias), against) for gate in rules)
            model.seq += 1
            if override or all(finding.passed for finding in findings):
                model.point(alias, [*trail, number])
                return number
            model.happened("promotion.refused", number, alias, current)
            return GateRefused(f"{ref} was refused", value=str(ref), evidence=findings)

        return self._write("promote", reference, key, decide)

    def rollback(self, name: str, alias: str, *, key: str | None = None) -> Facts:
        """Move an alias back to the last target that is neither deleted nor purged nor the current one."""

        def decide(model: Model, ref: Reference) -> int:
            trail = self._trail(model, alias)
            back = trail[:-1]
            while back and (model.versions[back[-1]].gone or back[-1] == trail[-1]):
                back.pop()
            if not back:
                raise VersionNotFound(f"nothing to roll {alias} of {ref.name} back to", value=alias)
            model.seq += 1
            model.point(alias, back)
            return back[-1]

        return self._write("rollback", name, key, decide)

    def unalias(self, name: str, alias: str, *, override: bool = False, key: str | None = None) -> Facts:
        """Remove an alias; a guarded one only against its rules."""

        def decide(model: Model, _: Reference) -> int:
            number = self._trail(model, alias)[-1]
            model.guarded([] if override else [alias])
            model.seq += 1
            del model.trails[alias]
            model.happened("alias.dropped", number, alias, number)
            return number

        return self._write("unalias", name, key, decide)

    def annotate(
        self,
        reference: str,
        *,
        metrics: Mapping[str, float | int | None] | None = None,
        tags: Mapping[str, str | None] | None = None,
        description: str | None = None,
        checks: Mapping[str, bool] | None = None,
        key: str | None = None,
    ) -> Facts:
        """Change a version's metrics, tags and description, and record outcomes of checks."""

        def decide(model: Model, ref: Reference) -> int:
            version = self._usable(model, ref)
            now = (version.metrics, version.tags, version.description)
            new_metrics = {k: v for k, v in {**version.metrics, **(metrics or {})}.items() if v is not None}
            new_tags = {k: v for k, v in {**version.tags, **(tags or {})}.items() if v is not None}
            new = (new_metrics, new_tags, version.description if description is None else description)
            if new != now or checks:
                model.seq += 1
                version.metrics, version.tags, version.description = new
                version.checks |= checks or {}
                model.happened("check.recorded" if checks else "version.annotated", version.number)
            return version.number

        return self._write("annotate", reference, key, decide)

    def delete(self, reference: str, *, force: bool = False, key: str | None = None) -> Facts:
        """Delete a version, with its aliases if forced."""

        def decide(model: Model, ref: Reference) -> int:
            version = self._unpurged(model, ref)
            aliases = model.aliases_of(version.number)
            if version.deleted:
                return version.number
            if aliases and not force:
                raise VersionInUse(f"{ref} is what {aliases} point to", value=str(ref))
            model.guarded(aliases)
            model.seq += 1
            version.deleted = True
            model.forget_requests(version.number)
            model.happened("version.deleted", version.number)
            for alias in aliases:
                del model.trails[alias]
                model.happened("alias.dropped", version.number, alias, version.number)
            return version.number

        return self._write("delete", reference, key, decide)

    def restore(self, reference: str, *, key: str | None = None) -> Facts:
        """Bring a deleted version back."""

        def decide(model: Model, ref: Reference) -> int:
            version = self._unpurged(model, ref)
            if version.deleted:
                model.seq += 1
                version.deleted = False
                model.happened("version.restored", version.number)
            return version.number

        return self._write("restore", reference, key, decide)

    def prune(self, name: str, *, keep: int, key: str | None = None) -> list[Facts]:
        """Delete live versions beyond the newest, except what an alias points to."""
        model = self._model(name)
        live = [number for number, version in model.versions.items() if version.live]
        excess = [number for number in live[: max(len(live) - keep, 0)] if not model.aliases_of(number)]
        gone = {number for number in model.versions if key and ("delete", f"{key}/{number}") in model.done}
        for number in excess:
            self.delete(f"{name}@{number}", key=key and f"{key}/{number}")
        return [self._facts(model, number) for number in sorted(gone | {*excess})]

    def collect(self, name: str, *, condemned: int = 0) -> list[int]:
        """Purge the deleted and superseded versions that no alias points to, after so many condemnations; which."""
        model = self._model(name)
        model.seq += condemned
        gone = [n for n, v in model.versions.items() if not (v.live or v.purged or model.aliases_of(n))]
        for number in gone:
            model.seq += 1
            model.versions[number].purged = True
            model.forget_requests(number)
            model.happened("version.purged", number)
        return gone

    def protect(self, name: str, alias: str, gates: Sequence[Gate]) -> list[Gate]:
        """Let rules guard an alias; none, to let it go. Those in force."""
        model = self._model(name)
        if [*gates] != model.rules.pop(alias, []):
            model.seq += 1
            model.happened("rules.changed", None, alias)
        if gates:
            model.rules[alias] = [*gates]
        return [*gates]

    def review(self, reference: str, alias: str, verdict: Verdict, actor: str) -> int:
        """Let somebody say something to a version's getting an alias; what they said last, they need not say again."""
        model = self._model(parse_reference(reference).name)
        version = self._usable(model, parse_reference(reference))
        if verdict == "requested" and model.trails.get(alias, [0])[-1] == version.number:
            raise AliasConflict(f"{alias} is there", value=alias)
        said = [(verdict, actor) for name, verdict, actor in version.said if name == alias]
        begun = max((place for place, (verdict, _) in enumerate(said) if verdict == "requested"), default=-1)
        mine = [one for one in said[begun + 1 :] if one[1] == actor]
        again = said[-1:] if verdict == "requested" else mine[-1:]
        if again == [(verdict, actor)]:
            return version.number
        model.seq += 1
        version.said.append((alias, verdict, actor))
        change = model.waiting.add if verdict == "requested" else model.waiting.discard
        change((version.number, alias))
        kind: dict[Verdict, EventKind] = {"approved": "approval.granted", "rejected": "approval.rejected"}
        model.happened(kind.get(verdict, "approval.requested"), version.number, alias)
        return version.number

    def waiting(self) -> list[tuple[str, int, str]]:
        """What waits for approval: model, version, alias."""
        return sorted((name, *request) for name, model in self._models.items() for request in model.waiting)

    def rules(self, name: str) -> dict[str, list[Gate]]:
        """The rules of every guarded alias."""
        return self._model(name).rules

    def get(self, reference: str) -> Facts:
        """One version."""
        ref = parse_reference(reference)
        model = self._model(ref.name)
        return self._facts(model, self._resolve(model, ref).number)

    def versions(self, name: str, *, limit: int | None = None, deleted: bool = False) -> list[Facts]:
        """The versions, newest first."""
        model = self._model(name)
        numbers = [n for n in sorted(model.versions, reverse=True) if deleted or model.versions[n].live]
        return [self._facts(model, number) for number in numbers[:limit]]

    def history(self, name: str) -> list[Happening]:
        """All that happened to the model, newest first."""
        return self._model(name).events[::-1]

    def models(self) -> dict[str, Summary]:
        """Every model."""
        return {
            name: Summary(
                newest=model.newest(),
                versions=sum(version.live for version in model.versions.values()),
                aliases={alias: trail[-1] for alias, trail in model.trails.items()},
            )
            for name, model in self._models.items()
        }

    def _write(
        self,
        verb: Verb,
        reference: str,
        key: str | None,
        decide: Callable[[Model, Reference], int | GateRefused],
    ) -> Facts:
        ref = parse_reference(reference)
        model = self._model(ref.name)
        outcome = model.done.get((verb, key)) if key is not None else None
        if outcome is None:
            before = model.seq
            outcome = decide(model, ref)
            if key is not None and model.seq > before:
                model.done[verb, key] = outcome
        if isinstance(outcome, GateRefused):
            raise outcome
        return self._facts(model, outcome)

    def _model(self, name: str) -> Model:
        if name not in self._models:
            raise ModelNotFound(f"no model {name}", value=name)
        return self._models[name]

    def _trail(self, model: Model, alias: str) -> list[int]:
        if alias not in model.trails:
            raise AliasNotFound(f"no alias {alias}", value=alias)
        return model.trails[alias]

    def _resolve(self, model: Model, ref: Reference) -> Version:
        number = model.newest() if ref.number is None else ref.number
        if ref.alias is not None:
            number = self._trail(model, ref.alias)[-1]
        if number not in model.versions:
            raise VersionNotFound(f"no version {ref}", value=str(ref))
        return model.versions[number]

    def _unpurged(self, model: Model, ref: Reference) -> Version:
        version = self._resolve(model, ref)
        if version.purged:
            raise VersionPurged(f"{ref} is purged", value=str(ref))
        return version

    def _usable(self, model: Model, ref: Reference) -> Version:
        version = self._unpurged(model, ref)
        if version.deleted:
            raise VersionDeleted(f"{ref} is deleted", value=str(ref))
        return version

    def _facts(self, model: Model, number: int) -> Facts:
        version = model.versions[number]
        return Facts(
            number=number,
            digest=version.digest,
            metrics=dict(version.metrics),
            tags=dict(version.tags),
            description=version.description,
            checks=dict(version.checks),
            aliases=model.aliases_of(number),
            key=version.key,
            attempt=version.attempt,
            supersedes=version.supersedes,
            superseded_by=version.superseded_by,
            deleted=version.deleted,
            purged=version.purged,
        )
