"""Train, score and promote with Dagster. Models lie in a folder or bucket; Dagster is the only server, if any.

dagster dev -f examples/dagster_training.py     the catalog, the launchpad, and the jobs at the end of this file
python examples/dagster_training.py             the same in this process: two trainings, two promotions
MODELSTORE_URL=s3://bucket/prefix               where the models are; ./models-dagster if it is not set
"""

import os

import dagster as dg
import pandas as pd
from pydantic import Field
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dagster_modelstore import (
    ModelStoreIOManager,
    ModelStoreResource,
    build_promote_job,
    build_promotion_asset,
    build_retrain_job,
    model_metadata,
)
from modelstore_core import AtLeast, Gate, Improves


class Training(dg.Config):
    """What the launchpad asks for."""

    C: float = Field(default=1.0, description="Inverse strength of the regularisation.")
    features: int = Field(default=30, description="How many of the features are used.")


@dg.asset(kinds={"pandas"})
def biopsies() -> pd.DataFrame:
    """569 biopsies, 30 measurements each."""
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame


@dg.asset(key_prefix="clinic", io_manager_key="models", kinds={"scikitlearn"})
def tumour(config: Training, biopsies: pd.DataFrame) -> dg.Output[Pipeline]:
    """Benign or malignant: each materialization is a version in the store."""
    rows, labels = biopsies.drop(columns="target").iloc[:, : config.features], biopsies["target"]
    train_x, test_x, train_y, test_y = train_test_split(rows, labels, random_state=7)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=config.C)).fit(train_x, train_y)
    auc = roc_auc_score(test_y, model.predict_proba(test_x)[:, 1])
    return dg.Output(model, metadata=model_metadata(metrics={"auc": auc}, params=config.model_dump()))


@dg.asset(ins={"model": dg.AssetIn(["clinic", "tumour"])})
def malignant(model: Pipeline, biopsies: pd.DataFrame) -> int:
    """How many biopsies the model that this very run has trained calls malignant."""
    return int((model.predict(biopsies[model.feature_names_in_]) == 0).sum())


gates: list[Gate] = [AtLeast("auc", 0.9), Improves("auc")]
champion = build_promotion_asset(tumour, gates=gates)

store = ModelStoreResource(url=os.environ.get("MODELSTORE_URL", "models-dagster"))

defs = dg.Definitions(
    assets=[biopsies, tumour, malignant, champion],
    jobs=[
        build_retrain_job([biopsies, tumour, malignant], promotion=champion),
        build_promote_job(model="clinic.tumour", gates=gates),
    ],
    resources={"modelstore": store, "models": ModelStoreIOManager(store=store)},
)

if __name__ == "__main__":
    for features in (5, 30):
        config = dg.RunConfig(ops={"clinic__tumour": Training(features=features)})
        defs.resolve_job_def("retrain_and_promote").execute_in_process(run_config=config)
    print(store.get_store().versions("clinic.tumour"), store.get_store().history("clinic.tumour"), sep="\n\n")
