"""`RegisteredModelComponent`: a model as YAML: what trains it, what it must pass, its alias, and when."""

from collections.abc import Mapping
from typing import Any, Literal

import dagster as dg
from pydantic import BaseModel, Field

from dagster_modelstore.aliases import alias_asset, model_key
from dagster_modelstore.components.training import output_of, training_of
from dagster_modelstore.gates import model_gate
from dagster_modelstore.jobs import build_promote_job, build_rollback_job
from dagster_modelstore.promoting import build_promotion_asset
from modelstore_core import CheckPassed, Gate, gate_of

__all__ = ["RegisteredModelComponent"]

_TRAINING = '''"""Trains the model. What it returns is saved as a version: the model, or the model and its metrics."""

from typing import Any


def train(*, strength: float = 1.0) -> Any:
    """Replace this; the parameters are those under `params:` and `inputs:` in defs.yaml."""
    return {"strength": strength}, {"score": 0.5 * strength}
'''


class ModelParams(BaseModel):
    """What `dg scaffold` may be told."""

    model: str = Field(default="my.model", description="The model's name in the store.")
    schedule: str | None = Field(default=None, description="When it is trained, as cron says it.")


class ModelScaffolder(dg.Scaffolder[ModelParams]):
    """Writes a `defs.yaml` and a training to fill in, both of which work as they are."""

    @classmethod
    def get_scaffold_params(cls) -> type[ModelParams]:
        """What may be told."""
        return ModelParams

    def scaffold(self, request: dg.ScaffoldRequest[ModelParams]) -> None:
        """Write them."""
        attributes: dict[str, Any] = {
            "name": request.params.model,
            "train": "training.py:train",
            "params": {"strength": 1.0},
            "gates": [{"rule": "at_least", "metric": "score", "threshold": 0.1}],
        }
        if request.params.schedule is not None:
            attributes["schedule"] = request.params.schedule
        dg.scaffold_component(request, attributes)
        (request.target_path / "training.py").write_text(_TRAINING, encoding="utf-8")


@dg.scaffold_with(ModelScaffolder)
class RegisteredModelComponent(dg.Component, dg.Resolvable, dg.Model):
    """A model whose trainings are versions: its asset, gate, alias, and the jobs to train, promote and roll it back."""

    name: str = Field(description="The model's name in the store.", examples=["risk.churn"])
    train: str = Field(
        description="What trains it: `training.py:train`, in a file beside this one, or `package.module:function`.",
        examples=["training.py:train"],
    )
    # Values and no factories: Dagster before 1.13 gives each field a default of its own, which pydantic takes beside no
    # factory. pydantic copies the value for each component.
    params: dict[str, Any] = Field(
        default={}, description="Parameters of the training; the launchpad shows them, and they are recorded."
    )
    inputs: dict[str, str] = Field(
        default={}, description="Other parameters of the training → the assets that are loaded for them."
    )
    gates: list[dict[str, Any]] = Field(
        default=[],
        description="What a version must pass: {rule: at_least, metric: auc, threshold: 0.9}.",
    )
    alias: str = Field(default="champion", description="The alias that consumers depend on.")
    promotion: Literal["by_hand", "automatic"] = Field(
        default="by_hand", description="Whether what passes the gates is promoted in the run that trained it."
    )
    schedule: str | None = Field(
        default=None, description="When it is trained, as cron says it.", examples=["0 6 * * 1"]
    )
    store_key: str = Field(default="modelstore", description="The key of the `ModelStoreResource`.")
    io_manager_key: str = Field(default="models", description="The key of the `ModelStoreIOManager`.")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """All of it.

        Raises:
            InvalidInput: There is no such training, or something is no rule.
        """
        model, rules = self._model(context), [gate_of(rule) for rule in self.gates]
        checks = [model_gate(model, rules, against=self.alias, store_key=self.store_key)] if rules else []
        asked: list[Gate] = [CheckPassed("gate")] if rules else []
        automatic = self.promotion == "automatic"
        alias: dg.AssetsDefinition | dg.AssetSpec = (
            build_promotion_asset(model, alias=self.alias, gates=asked, store_key=self.store_key)
            if automatic
            else alias_asset(model, self.alias)
        )
        named = model.key.to_python_identifier()
        made = [model, alias] if isinstance(alias, dg.AssetsDefinition) else [model]
        training = dg.define_asset_job(f"train_{named}", dg.AssetSelection.assets(*made))
        options: Mapping[str, Any] = {"model": self.name, "alias": self.alias, "store_key": self.store_key}
        return dg.Definitions(
            assets=[model, alias],
            asset_checks=checks,
            jobs=[
                training,
                build_promote_job(name=f"promote_{named}", gates=asked, **options),
                build_rollback_job(name=f"rollback_{named}", **options),
            ],
            schedules=[] if self.schedule is None else [self._schedule(named, training)],
        )

    def _schedule(self, named: str, job: Any) -> dg.ScheduleDefinition:
        return dg.ScheduleDefinition(name=f"train_{named}_schedule", job=job, cron_schedule=self.schedule)

    def _model(self, context: dg.ComponentLoadContext) -> dg.AssetsDefinition:
        train = training_of(self.train, context)
        defaults = {name: dg.Field(_kind(value), default_value=value) for name, value in self.params.items()}

        def asset(context: dg.AssetExecutionContext, **inputs: object) -> dg.Output[Any]:
            params = context.op_execution_context.op_config or {}
            return output_of(train(**inputs, **params), params)

        decorate = dg.asset(
            key=model_key(self.name),
            ins={name: dg.AssetIn(key=dg.AssetKey.from_user_string(key)) for name, key in self.inputs.items()},
            io_manager_key=self.io_manager_key,
            metadata={"modelstore/name": self.name},
            config_schema=defaults or None,
            kinds={"modelstore"},
            description=train.__doc__ or f"The model `{self.name}`.",
        )
        made: dg.AssetsDefinition = decorate(asset)
        return made


def _kind(value: object) -> Any:
    """The type that the launchpad asks for."""
    return type(value) if isinstance(value, bool | int | float | str) else dg.Any
