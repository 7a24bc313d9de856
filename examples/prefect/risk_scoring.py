"""What runs whenever `champion` of `risk.churn` has moved."""

from prefect import flow
from sklearn.datasets import load_breast_cancer

from prefect_modelstore import load_model


@flow(log_prints=True)
def score(reference: str = "risk.churn@champion", event: str = "") -> None:
    features, _ = load_breast_cancer(return_X_y=True, as_frame=True)
    print(f"{reference} finds {load_model(reference).predict(features).sum()} (event {event or 'none'})")


if __name__ == "__main__":
    score()
