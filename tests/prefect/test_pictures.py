"""The picture of a model's metrics, links to its files, and assets: what is shown beside the card."""

import base64
import math
from xml.etree import ElementTree as ET

import pytest
from prefect import flow
from prefect.assets import Asset, materialize
from prefect.tasks import MaterializingTask
from tests.prefect.support import artifacts_of, events_about, finished

from modelstore_core import ModelStore
from modelstore_core.testing.s3_server import S3Server
from prefect_modelstore import model_asset, save_model, saves_model
from prefect_modelstore.pages import console_page, page_of
from prefect_modelstore.pictures import metric_history

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(url: str) -> ET.Element:
    kind, _, data = url.partition(";base64,")
    assert kind == "data:image/svg+xml"
    return ET.fromstring(base64.b64decode(data))


def saved(store: ModelStore, **metrics: list[float]) -> ET.Element | None:
    for i in range(len(next(iter(metrics.values())))):
        store.save({"i": i}, "risk.churn", metrics={name: values[i] for name, values in metrics.items()})
    url = metric_history(store.versions("risk.churn")[::-1])
    return None if url is None else drawn(url)


def test_a_point_a_version_and_those_with_an_alias_stand_out(store: ModelStore) -> None:
    store.save({"first": 1}, "risk.churn", metrics={"auc": 0.5}, aliases=["champion"])

    picture = saved(store, auc=[0.7, 0.6])

    assert picture is not None
    circles = picture.findall(f"{_SVG}circle")
    assert [str(circle[0].text) for circle in circles] == [
        "risk.churn@1: 0.5, champion",
        "risk.churn@2: 0.7",
        "risk.churn@3: 0.6",
    ]
    heights = [float(circle.attrib["cy"]) for circle in circles]
    assert heights[1] < heights[2] < heights[0]
    assert [circle.attrib["r"] for circle in circles] == ["5", "3", "3"]


def test_each_metric_has_a_scale_of_its_own_and_at_most_four_are_drawn(store: ModelStore) -> None:
    picture = saved(store, **{f"m{i}": [10.0**i, 2 * 10.0**i] for i in range(6)})

    assert picture is not None
    assert len(picture.findall(f"{_SVG}polyline")) == 4
    assert len({circle.attrib["cy"] for circle in picture.findall(f"{_SVG}circle")}) == 8


def test_what_is_no_number_is_left_out_and_equal_ones_are_a_line(store: ModelStore) -> None:
    picture = saved(store, auc=[0.5, math.nan, math.inf, 0.5])

    assert picture is not None
    assert len(picture.findall(f"{_SVG}circle")) == 2


@pytest.mark.parametrize("values", [[0.5], [0.5, math.nan]])
def test_less_than_two_numbers_are_no_picture(store: ModelStore, values: list[float]) -> None:
    assert saved(store, auc=values) is None
    assert metric_history([]) is None


def test_other_peoples_names_are_text(store: ModelStore) -> None:
    hostile = '</text><script>alert(1)</script>"\x00'

    picture = saved(store, **{hostile: [0.1, 0.2]})

    assert picture is not None
    assert picture.findall(f".//{_SVG}script") == []
    assert str(picture.findall(f"{_SVG}text")[0].text).startswith("</text><script>")


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("s3://b/models/x y/data/1", "https://console.aws.amazon.com/s3/buckets/b?prefix=models/x%20y/data/1/"),
        ("gs://b/models/x/data/1", "https://console.cloud.google.com/storage/browser/b/models/x/data/1"),
        ("/tmp/models/x", None),
        ("memory://b/x", None),
    ],
)
def test_a_bucket_has_a_page_and_a_folder_has_none(url: str, page: str | None) -> None:
    assert console_page(url) == page


def test_a_bucket_of_another_service_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with S3Server(["bucket"]) as server:
        store = ModelStore("s3://bucket/pages", endpoint=server.endpoint, region="us-east-1")
        version = store.save({"a": 1}, "risk.churn")

        assert console_page(version.url) is not None
        assert page_of(store, version.url) is None


def test_an_asset_is_named_after_its_model() -> None:
    asset = model_asset("Risk churn~%", description="Who leaves.", owners=["risk"])

    assert (asset.key, asset.properties and asset.properties.name) == (
        "modelstore://Risk~20churn~7E~25",
        "Risk churn~%",
    )
    assert model_asset("a%20b").key != model_asset("a b").key != model_asset("a~20b").key
    assert isinstance(asset, Asset)


@pytest.mark.usefixtures("prefect_server")
class TestRuns:
    def test_the_second_save_draws_the_metrics(self, store: ModelStore) -> None:
        @flow
        def training() -> None:
            for auc in (0.8, 0.9):
                save_model({"auc": auc}, "risk.churn", store=store, metrics={"auc": auc})

        (card,) = (one for one in artifacts_of(finished(training), "markdown") if one.key == "history-risk--churn")
        picture = str(card.data).partition("version by version](")[2].partition(")")[0]
        assert len(drawn(picture).findall(f"{_SVG}circle")) == 2

    def test_a_materialization_says_which_version_it_made_and_from_what(self, store: ModelStore) -> None:
        @saves_model("as.churn", store=store)
        @materialize(model_asset("as.churn"), asset_deps=["s3://data/march.parquet"])
        def fit() -> tuple[dict[str, int], dict[str, float]]:
            return {"a": 1}, {"auc": 0.9}

        @flow
        def training() -> None:
            fit()

        assert isinstance(fit, MaterializingTask)
        training()
        (made,) = events_about("modelstore://as.churn", 1)
        assert made["event"] == "prefect.asset.materialization.succeeded"
        assert (made["payload"]["version"], made["payload"]["metrics"]) == ("as.churn@1", {"auc": 0.9})
        assert "s3://data/march.parquet" in {related["prefect.resource.id"] for related in made["related"]}
