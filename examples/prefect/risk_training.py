"""What `retrain_and_promote` calls: a model, its metrics, and a few rows that it takes."""

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from prefect_modelstore import Trained


def fit(c: float = 1.0) -> Trained:
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    model = LogisticRegression(C=c, max_iter=5000).fit(features, target)
    metrics = {"accuracy": model.score(features, target)}
    return Trained(model=model, metrics=metrics, input_example=features.head(3))
