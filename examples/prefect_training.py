"""A training flow as it may stand in any Prefect project, with two tasks more: `save_model` and `promote_model`.

    python examples/prefect_training.py            # train, save, promote; models go to ./models
    python examples/prefect_training.py --serve    # a deployment: start it from the form in Prefect's UI

Run it twice: the second model is no better than the first, so the gate refuses it and the run says why.
"""

import sys
from typing import Annotated

import pandas as pd
from prefect import flow, task
from pydantic import Field
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from modelstore_core import AtLeast, Improves
from prefect_modelstore import promote_model, save_model

Data = tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]


@task
def load_data(seed: int) -> Data:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(features, target, stratify=target, random_state=seed)
    return train_x, test_x, train_y, test_y


@task(retries=2)
def train(data: Data, trees: int, depth: int) -> RandomForestClassifier:
    model = RandomForestClassifier(n_estimators=trees, max_depth=depth, random_state=0)
    return model.fit(data[0], data[2])


@task
def evaluate(model: RandomForestClassifier, data: Data) -> dict[str, float]:
    scores = model.predict_proba(data[1])[:, 1]
    return {"auc": roc_auc_score(data[3], scores), "accuracy": accuracy_score(data[3], scores > 0.5)}


@flow
def breast_cancer_training(
    trees: Annotated[int, Field(ge=1, le=1000)] = 50,
    depth: Annotated[int, Field(ge=1, le=50)] = 5,
    seed: int = 0,
    store: str = "./models",
) -> str:
    """Train a classifier, keep it as the next version, and make it champion if it is the best so far.

    Args:
        trees: How many trees the forest has.
        depth: How deep each may grow.
        seed: How the data is split into training and test.
        store: Where the models are: a folder, `s3://bucket/prefix`, or `model-store/NAME` of a saved block.
    """
    data = load_data(seed)
    model = train(data, trees, depth)
    metrics = evaluate(model, data)
    params = {"trees": trees, "depth": depth, "seed": seed}
    version = save_model(
        model, "breast-cancer", store=store, metrics=metrics, params=params, input_example=data[0].head(3)
    )
    promote_model(version, "champion", store=store, gates=[AtLeast("auc", 0.9), Improves("auc")])
    return version.ref


if __name__ == "__main__":
    if "--serve" in sys.argv:
        breast_cancer_training.serve(name="breast-cancer")
    else:
        print(f"{breast_cancer_training()} is champion now.")
