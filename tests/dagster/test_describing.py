"""What a version and its materialization say: signature, versions so far, where the run can be looked at."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from tests.dagster.harness import Platform, metadata_of, refused

from dagster_modelstore import ModelStoreIOManager, model_metadata
from dagster_modelstore.cards import signature_metadata
from dagster_modelstore.examples import decoded, encoded
from modelstore_core import InvalidInput, ModelStore, ProofFailed

ROWS = pd.DataFrame({"age": [31, 47, 60], "dose": [0.5, 1.5, 2.5]})


def line(said: dict[str, Any] | None = None) -> dg.AssetsDefinition:
    @dg.asset
    def churn() -> dg.Output[LinearRegression]:
        return dg.Output(LinearRegression().fit(ROWS, ROWS["dose"]), metadata=said or {})

    return churn


def rows_of(result: dg.ExecuteInProcessResult, table: str) -> list[dict[str, Any]]:
    (event,) = result.asset_materializations_for_node("churn")
    value = event.metadata[table]
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def test_an_input_example_gives_a_signature_and_a_table_of_it(platform: Platform) -> None:
    result = platform.run(line(model_metadata(input_example=ROWS)))

    assert rows_of(result, "modelstore/signature") == [
        {"side": "inputs", "name": "age", "type": "long", "required": "yes"},
        {"side": "inputs", "name": "dose", "type": "double", "required": "yes"},
        {"side": "outputs", "name": "", "type": "double", "required": "yes"},
    ]
    assert (platform.store.load("churn", as_="path") / "input_example.json").is_file()


def test_without_an_example_there_is_no_table_of_a_signature(platform: Platform) -> None:
    assert "modelstore/signature" not in metadata_of(platform.run(line()), "churn")


@pytest.mark.parametrize("text", ["{", '{"type": "double"}', 3, None, '["double"]'])
def test_a_signature_that_is_none_is_not_shown(text: object) -> None:
    version = ModelStore("memory://signatures").save(1, "m")
    object.__setattr__(version, "signature", {"inputs": text})

    assert signature_metadata(version) == {}


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        pd.DataFrame({"at": pd.to_datetime(["2026-01-01", "2026-01-02"]), "word": ["a", "b"], "n": [1.5, None]}),
        pd.DataFrame({"small": pd.array([1, 2], dtype="int8"), "kind": pd.Categorical(["x", "y"])}, index=[7, 9]),
        pd.DataFrame([[1, 2], [3, 4]]),
    ],
)
def test_a_frame_goes_through_metadata_and_back(rows: pd.DataFrame) -> None:
    again = decoded(json.loads(json.dumps(encoded(rows))))

    pd.testing.assert_frame_equal(again, rows.reset_index(drop=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 3), dtype="float32"), np.array([[1, 2]]), np.array([True]), np.array([np.nan, np.inf, 1.5])]
)
def test_an_array_goes_through_metadata_and_back(rows: Any) -> None:
    again = decoded(json.loads(json.dumps(encoded(rows))))

    assert again.dtype == rows.dtype
    np.testing.assert_array_equal(again, rows)


@pytest.mark.parametrize("rows", [[1, 2], np.array(["a"]), np.zeros((100, 1000)), object()])
def test_what_is_no_small_example_is_refused_before_dagster_sees_it(rows: Any) -> None:
    with pytest.raises(InvalidInput, match=r"Pass a few rows .*X.head\(3\)"):
        model_metadata(input_example=rows)


@pytest.mark.parametrize("said", ["rows", {"data": [1]}, {"array": [[1], [2, 3]], "dtype": "int64"}, {"array": 1}])
def test_an_example_that_was_not_encoded_is_refused(platform: Platform, said: Any) -> None:
    with refused(InvalidInput, "The metadata 'modelstore/input_example' is .*, not rows"):
        platform.run(line({"modelstore/input_example": said}))

    assert platform.store.models() == ()


def test_the_materialization_lists_the_newest_versions(platform: Platform) -> None:
    for _ in range(12):
        platform.store.save("earlier", "churn", metrics={"auc": 0.5}, aliases=["champion"])

    listed = rows_of(platform.run(line({"auc": 0.9, "f1": 0.8})), "modelstore/versions")

    assert [row["version"] for row in listed] == [*range(13, 3, -1)]
    assert (listed[0]["auc"], listed[0]["f1"], listed[1]["auc"], listed[1]["f1"]) == ("0.9", "0.8", "0.5", "none")
    assert listed[1]["aliases"] == "champion"


def test_the_record_links_to_the_run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_URL", "https://dagster.example.com/")
    manager = ModelStoreIOManager(store=platform.resources["modelstore"], webserver=dg.EnvVar("DAGSTER_URL"))

    result = platform.run(line(), resources={"io_manager": manager})

    assert platform.store.get("churn").lineage["run_url"] == f"https://dagster.example.com/runs/{result.run_id}"


def test_files_belong_to_the_version_and_a_clean_process_proves_it(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("how it was trained")
    said = model_metadata(input_example=ROWS, extra_files=[tmp_path / "notes.md"], prove=120)

    platform.run(line(said))

    version = platform.store.get("churn")
    assert version.proved is not None
    assert version.proved["predicted"] is True
    assert "extra_files/notes.md" in [file.path for file in version.files]


def test_files_may_be_named(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("how it was trained")

    platform.run(line(model_metadata(extra_files={"about/training.md": tmp_path / "notes.md"})))

    assert "extra_files/about/training.md" in [file.path for file in platform.store.get("churn").files]


class OnlyHere:
    """A class that no other process can import."""

    __module__ = "nowhere_to_be_found"

    def __reduce__(self) -> Any:
        return (_absent, ())


def _absent() -> None:
    raise LookupError


def test_a_model_that_a_clean_process_cannot_load_is_no_version(platform: Platform) -> None:
    @dg.asset(metadata={"modelstore/prove": True, "modelstore/format": "pickle"})
    def churn() -> object:
        return OnlyHere()

    with refused(ProofFailed, "churn"):
        platform.run(churn)

    assert platform.store.models() == ()


def test_a_metric_may_be_no_number_at_all(platform: Platform) -> None:
    result = platform.run(line({"auc": float("nan")}))

    assert str(platform.store.get("churn").metrics["auc"]) == "nan"
    assert rows_of(result, "modelstore/versions")[0]["auc"] == "nan"
