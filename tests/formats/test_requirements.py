"""Requirements by scan, beside what MLflow infers by loading the model in a process of its own."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.formats.samples import fitted

from modelstore_core import formats

# MLflow lists these since something here imports them (joblib takes psutil where Dask brought it); no model needs them.
WATCHED_TOO = {"rich", "pandas", "psutil"}
# These come with what MLflow lists; arrays in a pickle are of a release, so that the release is recorded here.
COMES_ALONG = {"numpy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "flavor"),
    [
        ("forest", "sklearn"),
        ("xgb_classifier", "xgboost"),
        ("lgbm_classifier", "lightgbm"),
        ("lgbm_pickled", "lightgbm"),
        ("catboost_classifier", "catboost"),
    ],
)
def test_the_scan_finds_what_mlflow_infers(
    kind: str, flavor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.models

    written = formats.write(fitted(kind), tmp_path)
    # Inferring, unlike loading, does not look where MLmodel says that code lies.
    monkeypatch.syspath_prepend(str(tmp_path / "modelstore_estimators_1.zip"))
    pins: Any = written.environment["requirements"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        infer: Any = mlflow.models.infer_pip_requirements
        inferred = infer(str(tmp_path), flavor, fallback=None)

    ours, theirs = (dict(pin.split("==") for pin in pins) for pins in (pins, inferred))
    assert theirs.keys() - ours.keys() <= WATCHED_TOO
    assert ours.keys() - theirs.keys() <= COMES_ALONG
    assert {name: theirs[name] for name in ours.keys() & theirs.keys()}.items() <= ours.items()
