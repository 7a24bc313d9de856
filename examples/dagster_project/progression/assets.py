"""Patients, a model of each age group, its gate and champion, and what the champion expects."""

from typing import Literal

import dagster as dg
import pandas as pd
from pydantic import Field
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dagster_modelstore import alias_asset, model_gate, model_metadata
from modelstore_core import AtLeast, Improves

AGES = dg.StaticPartitionsDefinition(["younger", "older"])
CHAMPION = "champion-{partition}"
MODELS = {
    "mean": DummyRegressor(),
    "linear": RidgeCV(),
    "forest": RandomForestRegressor(n_estimators=50, random_state=7),
}


class Training(dg.Config):
    """What the launchpad asks for."""

    model: Literal["mean", "linear", "forest"] = Field(default="linear", description="What kind of model is trained.")


@dg.asset(kinds={"pandas"})
def patients() -> pd.DataFrame:
    """442 patients: age, sex, blood and weight, and how far their diabetes went within a year."""
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


@dg.asset(partitions_def=AGES, io_manager_key="models", kinds={"scikitlearn"})
def progression(context: dg.AssetExecutionContext, config: Training, patients: pd.DataFrame) -> dg.Output[Pipeline]:
    """How far diabetes will go within a year: each materialization is a version in the store."""
    rows = of_group(patients, context.partition_key)
    train, test = train_test_split(rows, random_state=7)
    model = make_pipeline(StandardScaler(), MODELS[config.model]).fit(train.drop(columns="target"), train["target"])
    expected = model.predict(test.drop(columns="target"))
    metrics = {
        "error": mean_absolute_error(test["target"], expected),
        "r2": r2_score(test["target"], expected),
        "patients": len(train),
    }
    return dg.Output(model, metadata=model_metadata(metrics=metrics, params=config.model_dump()))


gate = model_gate(
    progression,
    [AtLeast("r2", 0.1), Improves("error", direction="min")],
    against=CHAMPION,
    blocking=False,  # nothing depends on the model itself: a failed gate only keeps it from being promoted
)
champion = alias_asset(progression, CHAMPION)


@dg.asset(partitions_def=AGES, ins={"model": dg.AssetIn(champion.key)}, kinds={"pandas"})
def expected(context: dg.AssetExecutionContext, model: Pipeline, patients: pd.DataFrame) -> pd.DataFrame:
    """What the champion of the age group expects of each of its patients."""
    rows = of_group(patients, context.partition_key).drop(columns="target")
    found = rows.assign(expected=model.predict(rows))
    context.add_output_metadata({"rows": len(found), "mean": float(found["expected"].mean())})
    return found


def of_group(patients: pd.DataFrame, group: str) -> pd.DataFrame:
    """The patients of an age group."""
    return patients[(patients["age"] >= 50) == (group == "older")]
