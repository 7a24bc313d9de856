"""`make demo`: train, version, promote, refuse, load back and roll back, in a plain folder or a bucket.

    python examples/demo.py                                          # into ./models-demo
    MODELSTORE_URL=s3://bucket/prefix python examples/demo.py        # the same on S3

Nothing is downloaded: the data comes with scikit-learn. Run it again and it adds versions.
"""

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from modelstore_core import AtLeast, Gate, GateRefused, Improves, ModelStore, ModelVersion

URL = os.environ.get("MODELSTORE_URL") or "./models-demo"
NAME = "breast.tumour"
GATES: list[Gate] = [AtLeast("auc", 0.9), Improves("auc", by=0.01)]
RUN = uuid4().hex[:8]  # what an orchestrator would call the id of this run


def main() -> None:
    """Tell the story, one step at a time."""
    store = ModelStore(URL, actor=os.environ.get("MODELSTORE_ACTOR", "demo"))
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    data = train_test_split(features, labels, test_size=0.3, random_state=0, stratify=labels)
    print(f"The model store is {URL}. No server runs: it is a folder or a bucket, and that is all.")

    title("1", "Train four models; save each as a version; ask for each to become the champion")
    print("   The gates: " + " and ".join(map(repr, GATES)) + "\n")
    for step, model in candidates().items():
        candidate = train_and_save(store, step, model, data)
        print(f"   {candidate.ref:<18} {step:<36} auc {candidate.metrics['auc']:.4f}")
        print(f"   {'':<18} {ask_for_promotion(store, candidate)}\n")

    title("2", "A step that is retried after a crash saves once")
    again = train_and_save(store, "logistic regression", candidates()["logistic regression"], data)
    print(f"   The same key and the same bytes gave {again.ref} again, not a new version.")

    title("3", "Load the champion and score it")
    score_champion(store, data)

    title("4", "Suppose the new champion disappoints: one step back")
    back = store.rollback(NAME, "champion", reason="more false alarms than expected")
    print(f"   The champion is {back.ref} again.")
    score_champion(store, data)

    title("5", "What the store holds now")
    show(store)
    show_commands(store)


def title(number: str, text: str) -> None:
    """A heading."""
    print(f"\n{number}. {text}")


def candidates() -> dict[str, Any]:
    """What is trained, by the name of its step; the third one learns from labels that a bug has shuffled."""
    return {
        "decision tree, two levels": DecisionTreeClassifier(max_depth=2, random_state=0),
        "random forest": RandomForestClassifier(100, random_state=0),
        "random forest, labels shuffled": RandomForestClassifier(50, random_state=0),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }


def train_and_save(store: ModelStore, step: str, model: Any, data: list[Any]) -> ModelVersion:
    """Fit, measure on the held-out rows, and publish; the key makes this safe to repeat within a run."""
    train, test, train_labels, test_labels = data
    if "shuffled" in step:
        train_labels = train_labels.sample(frac=1, random_state=0)
    model.fit(train, train_labels.to_numpy())
    return store.save(
        model,
        NAME,
        metrics={
            "auc": roc_auc_score(test_labels, model.predict_proba(test)[:, 1]),
            "accuracy": accuracy_score(test_labels, model.predict(test)),
        },
        params={"estimator": step},
        tags={"data": "breast cancer, Wisconsin"},
        input_example=test.head(3),
        key=f"{RUN}/{step}",
    )


def ask_for_promotion(store: ModelStore, candidate: ModelVersion) -> str:
    """Promote it if the gates let it pass; the numbers of both sides are in the answer either way."""
    try:
        store.promote(candidate.ref, "champion", gates=GATES, reason="best on the held-out rows")
    except GateRefused:
        verdict = "refused"
    else:
        verdict = "earned"
    evidence = store.history(NAME, limit=1)[0].evidence
    finding = next((finding for finding in evidence if not finding.passed), evidence[-1])
    champion = "there is no champion" if finding.current is None else f"the champion has {finding.current:.4f}"
    return f"{verdict:<8} {champion}; rule: {finding.rule}"


def score_champion(store: ModelStore, data: list[Any]) -> None:
    """Load it, every byte checked against its record, and compare its score with the recorded one."""
    _, test, _, test_labels = data
    record = store.get(f"{NAME}@champion")
    champion = store.load(record.ref)
    auc = roc_auc_score(test_labels, champion.predict_proba(test)[:, 1])
    print(f"   {record.ref} loads as {type(champion).__name__}; auc {auc:.4f}, recorded {record.metrics['auc']:.4f}.")


def show(store: ModelStore) -> None:
    """The newest versions and events, as two narrow tables."""
    print(f"   {'version':<18} {'trained as':<32} {'auc':>6} {'size':>8}  {'digest':<8}  aliases")
    for v in store.versions(NAME, limit=8):
        digest = v.digest.removeprefix("sha256:")[:8]
        aliases = ", ".join(v.aliases)
        line = f"   {v.ref:<18} {v.params['estimator']:<32} {v.metrics['auc']:6.4f} {v.size:8,}  {digest}  {aliases}"
        print(line.rstrip())
    print()
    for event in store.history(NAME, limit=6):
        moved = f"{event.previous or 'nothing'} → {event.number}" if event.kind == "alias.moved" else event.number
        print(f"   {event.time:%H:%M:%S}  {event.verb:<9} {event.kind:<18} {moved!s:<12} {event.reason}".rstrip())


def show_commands(store: ModelStore) -> None:
    """What to type to look further."""
    champion = store.get(f"{NAME}@champion")
    newest = store.get(NAME)
    folder = champion.url if "://" in champion.url else os.path.relpath(champion.url)
    print(f"""
Look further:

   export MODELSTORE_URL={URL}
   {command("mstore")} ls
   {command("mstore")} show {NAME}@champion
   {command("mstore")} history {NAME}
   {command("mstore")} diff {champion.ref} {newest.ref}

A version's folder is a plain MLflow model, which MLflow loads without this package:

   {command("python")} -c "import mlflow.pyfunc; print(mlflow.pyfunc.load_model('{folder}'))"
""")


def command(name: str) -> str:
    """The command as it can be typed here: with its folder where the virtual environment is not active."""
    local = Path(".venv/bin", name)
    return str(local) if local.exists() and "VIRTUAL_ENV" not in os.environ else name


if __name__ == "__main__":
    main()
