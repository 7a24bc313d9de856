"""All of it, and where models are: `dagster dev -m progression.definitions -d examples/dagster_project`."""

import os

import dagster as dg

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource
from progression import automation
from progression.assets import champion, expected, gate, patients, progression

store = ModelStoreResource(url=os.environ.get("MODELSTORE_URL", "models"))

defs = dg.Definitions(
    assets=[patients, progression, champion, expected],
    asset_checks=[gate],
    jobs=[automation.promote_model, automation.rollback_model, automation.collect_models, automation.train],
    schedules=[automation.retrain_on_mondays],
    sensors=[automation.score_upon_promotion],
    resources={
        "modelstore": store,
        "models": ModelStoreIOManager(store=store),
    },
)
