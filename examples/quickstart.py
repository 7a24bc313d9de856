"""The shortest useful tour: save two versions, promote by a gate, load by alias.

python examples/quickstart.py                                   # into ./models
MODELSTORE_URL=s3://bucket/prefix python examples/quickstart.py

The data comes with scikit-learn.
"""

import os

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelstore_core import AtLeast, GateRefused, Improves, ModelStore

features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
train, test, train_labels, test_labels = train_test_split(features, labels, random_state=0, stratify=labels)

store = ModelStore(os.environ.get("MODELSTORE_URL", "./models"))

for c in (0.0001, 0.1):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c)).fit(train, train_labels)
    auc = roc_auc_score(test_labels, model.predict_proba(test)[:, 1])
    version = store.save(
        model,
        "clinic.tumour",
        metrics={"auc": auc},
        params={"C": c},
        input_example=test.head(3),
    )
    try:
        store.promote(version.ref, "champion", gates=[AtLeast("auc", 0.9), Improves("auc")], reason="nightly")
        print(f"{version.ref} is the champion now: auc {auc:.4f}")
    except GateRefused as refusal:
        print(refusal.what)

champion = store.load("clinic.tumour@champion")
print("The champion's first predictions:", champion.predict(test.head(5)))
print(store.history("clinic.tumour", limit=4))
