"""A registry of MLflow as models and versions: numbers, aliases, stages, tags, and what their runs say of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from modelstore_core.importing.mlflow_artifacts import Artifacts
from modelstore_core.importing.mlflow_registry import LoggedModel, Registered, RegisteredVersion, Registry, Run
from modelstore_core.importing.naming import alias_for, import_key, names_for
from modelstore_core.importing.places import Place
from modelstore_core.importing.plan import Plan, PlannedModel, Wanted
from modelstore_core.model.imported import NotKept
from modelstore_core.model.json import Json, JsonObject

__all__ = ["plan_registry"]

_DELETED = "Deleted_Internal"
_PROMPT = "mlflow.prompt.is_prompt"
_OWN = "mlflow."
_STAGES = ("Staging", "Production")
_NO_STAGE = "None"


def plan_registry(source: str, registry: Registry, places: Sequence[Place], prefix: str) -> Plan:
    """All registered models, their versions in the order of MLflow's numbers.

    Raises:
        InvalidInput: The registry is damaged, or two models would get one name.
    """
    return _Planner(registry, places).plan(source, prefix)


class _Planner:
    def __init__(self, registry: Registry, places: Sequence[Place]) -> None:
        self._registry = registry
        self._artifacts = Artifacts(registry, places)
        self._not_kept: list[NotKept] = []
        self._others: dict[str, RegisteredVersion] = {}

    def plan(self, source: str, prefix: str) -> Plan:
        found = self._registry.models()
        models = [one for one in found if one.tags.get(_PROMPT, "").lower() != "true"]
        for one in found:
            if one not in models:
                self._remark(one.name, "prompt", "it is text, and no model")
        self._others = {f"{one.name}/{version.number}": version for one in models for version in one.versions}
        names = names_for((one.name for one in models), prefix)
        planned = tuple(self._model(one, names[one.name]) for one in models)
        if not models:
            self._remark("", "runs", 'no model is registered; kind="files" takes the models of runs as they lie')
        return Plan(source=source, kind="mlflow", models=planned, not_kept=tuple(self._not_kept))

    def _model(self, model: Registered, name: str) -> PlannedModel:
        versions = {one.number: self._version(model.name, one) for one in model.versions}
        live = [one for one in model.versions if one.stage != _DELETED]
        if [one.number for one in live] != list(range(1, len(live) + 1)):
            self._remark(
                model.name, "numbers", "MLflow's have gaps; each version has its own in the tag mlflow.version"
            )
        return PlannedModel(
            origin=model.name,
            name=name,
            versions=tuple(versions.values()),
            aliases=dict(self._aliases(model, versions)),
            description=model.description,
            tags={key: value for key, value in model.tags.items() if key},
        )

    def _aliases(self, model: Registered, versions: Mapping[int, Wanted]) -> Iterator[tuple[str, str]]:
        """MLflow's aliases; then each stage that one can load from, for its newest version."""
        taken: set[str] = set()
        wanted = [*model.aliases.items()]
        for stage in _STAGES:
            staged = [one.number for one in model.versions if one.stage == stage]
            wanted += [(stage, max(staged))] if staged else []
        for word, number in wanted:
            alias = alias_for(word)
            if not alias or alias in taken or number not in versions:
                self._remark(model.name, f"alias {word}", "it is taken, is no alias here, or points to no version")
                continue
            if alias != word:
                self._remark(model.name, f"alias {word}", f"it is {alias!r} here")
            taken.add(alias)
            yield alias, versions[number].key

    def _version(self, model: str, version: RegisteredVersion) -> Wanted:
        origin = f"models:/{model}/{version.number}"
        key = import_key("mlflow", model, version.number, version.created)
        if version.stage == _DELETED:
            return Wanted(origin=origin, key=key, parcel="the source has deleted it", deleted=True)
        logged = self._registry.logged(version.model_id) if version.model_id else None
        run_id = version.run_id or (logged.run_id if logged else "")
        run = self._registry.run(run_id) if run_id else None
        if run_id and run is None:
            self._remark(
                origin, "run", f"MLflow has nothing of the run {run_id} any more: its metrics and params are lost"
            )
        return Wanted(
            origin=origin,
            key=key,
            parcel=self._artifacts.parcel(version, self._others),
            metrics=_metrics(run, logged),
            params={**(run.params if run else {}), **(logged.params if logged else {})},
            tags=self._tags(origin, version),
            description=version.description,
            lineage=_lineage(origin, version, run, logged),
        )

    def _tags(self, origin: str, version: RegisteredVersion) -> dict[str, str]:
        ours = {"mlflow.version": str(version.number)}
        if version.stage != _NO_STAGE:
            ours["mlflow.stage"] = version.stage
        if version.status != "READY":
            ours["mlflow.status"] = version.status
        for key in sorted(ours.keys() & version.tags.keys()):
            self._remark(origin, f"tag {key}", f"the import uses it for itself; it was {version.tags[key]!r}")
        return {**{key: value for key, value in version.tags.items() if key}, **ours}

    def _remark(self, origin: str, what: str, why: str) -> None:
        self._not_kept.append(NotKept(origin=origin, what=what, why=why))


def _metrics(run: Run | None, logged: LoggedModel | None) -> dict[str, float | int]:
    """Those of the logged model before those of its run: a run may have logged several."""
    of_run = dict(run.metrics) if run else {}
    # of a logged model, MLflow's database keeps 0 for what is not a number
    lost = {name for name, value in of_run.items() if math.isnan(value)}
    of_model = logged.metrics if logged else {}
    return {**of_run, **{name: value for name, value in of_model.items() if value != 0 or name not in lost}}


def _lineage(origin: str, version: RegisteredVersion, run: Run | None, logged: LoggedModel | None) -> JsonObject:
    tags = run.tags if run else {}
    facts: dict[str, Json] = {
        "imported_from": "mlflow",
        "origin": origin,
        "origin_created_at": _time(version.created),
        "origin_created_by": version.user or tags.get("mlflow.user", "") or (run.user if run else ""),
        "source": version.source,
        "run_id": version.run_id or (logged.run_id if logged else ""),
        "run_name": run.name if run else "",
        "experiment_id": run.experiment_id if run else "",
        "experiment": run.experiment if run else "",
        "model_id": version.model_id,
        "git_commit": tags.get("mlflow.source.git.commit", ""),
        "source_name": tags.get("mlflow.source.name", ""),
        "run_tags": {key: value for key, value in tags.items() if key and not key.startswith(_OWN)},
    }
    return {key: value for key, value in facts.items() if value not in ("", {})}


def _time(milliseconds: int) -> str:
    try:
        return (
            datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds") if milliseconds else ""
        )
    except (OverflowError, OSError, ValueError):
        return ""
