import threading
from typing import Any

import dagster as dg
import numpy as np
import pytest
from tests.dagster.harness import Platform, metadata_of, refused

from dagster_modelstore import ModelStoreIOManager, ModelStoreResource, model_metadata
from modelstore_core import InvalidInput, InvalidName, NotSerializable


def test_a_materialization_is_one_version(platform: Platform) -> None:
    @dg.asset
    def churn() -> dict[str, float]:
        return {"w": 0.5}

    platform.run(churn)
    platform.run(churn)

    assert platform.numbers("churn") == [1, 2]
    assert platform.store.load("churn@2") == {"w": 0.5}


def test_the_materialization_says_what_was_saved(platform: Platform) -> None:
    @dg.asset(key=["risk", "churn"])
    def churn() -> dict[str, float]:
        return {"w": 0.5}

    said = metadata_of(platform.run(churn), ["risk", "churn"])

    version = platform.store.get("risk.churn")
    assert said["modelstore/version"] == 1
    assert said["modelstore/size"] == version.size
    assert said["modelstore/digest"] == version.digest
    assert said["modelstore/url"] == version.url
    assert said["modelstore/ref"] == "risk.churn@1"
    assert "| version | risk.churn@1 |" in said["modelstore/card"]


def test_numbers_on_the_output_are_metrics(platform: Platform) -> None:
    @dg.asset
    def churn(context: dg.AssetExecutionContext) -> dg.Output[int]:
        context.add_output_metadata({"loss": 0.25})
        return dg.Output(
            1,
            metadata={
                "auc": 0.9,
                "rows": 569,
                "note": "text",
                "fine": True,
                "dagster/row_count": 3,
                "at": dg.MetadataValue.timestamp(1.0),
            },
        )

    platform.run(churn)

    assert platform.store.get("churn").metrics == {"auc": 0.9, "rows": 569, "loss": 0.25}


def test_what_is_said_of_a_model_survives_dagster(platform: Platform) -> None:
    @dg.asset
    def churn() -> dg.Output[int]:
        said = model_metadata(
            metrics={"auc": np.float32(0.5), "f1": np.float64(0.25), "n": np.int64(3)},
            params={
                "C": np.float64(1),
                "kernel": None,
                "missing": float("nan"),
                "solver": object,
                "grid": {"depth": (1, 2)},
            },
            tags={"team": "risk"},
            description="A try.",
            aliases=["candidate"],
            format="pickle",
        )
        return dg.Output(1, metadata=said)

    platform.run(churn)

    version = platform.store.get("churn@candidate")
    assert version.metrics == {"auc": 0.5, "f1": 0.25, "n": 3}
    plain = {"C": 1.0, "kernel": None, "missing": "nan", "solver": "<class 'object'>", "grid": {"depth": [1, 2]}}
    assert version.params == plain
    assert (version.tags, version.description, version.format) == ({"team": "risk"}, "A try.", "pickle")


def test_a_metric_that_is_no_number_is_refused_before_dagster_sees_it() -> None:
    with pytest.raises(InvalidInput, match="'auc' is 'high'"):
        model_metadata(metrics={"auc": "high"})


def test_the_run_overrides_the_definition(platform: Platform) -> None:
    defined = {"modelstore/name": "risk.churn", "modelstore/aliases": ["a"], "modelstore/description": "defined"}

    @dg.asset(metadata=defined)
    def churn() -> dg.Output[int]:
        return dg.Output(1, metadata={"modelstore/description": "run", "modelstore/aliases": None})

    platform.run(churn)

    version = platform.store.get("risk.churn")
    assert (version.description, version.aliases) == ("run", ())
    assert defined["modelstore/aliases"] == ["a"]


@pytest.mark.parametrize(
    ("definition", "output", "says"),
    [
        ({"modelstore/alias": "champion"}, {}, "'modelstore/alias'.*Known there: modelstore/name, modelstore/aliases"),
        ({}, {"modelstore/name": "other"}, "'modelstore/name' is no metadata that what the run yields may have"),
        ({"modelstore/tags": "risk"}, {}, "'modelstore/tags' is 'risk', not a mapping"),
        ({"modelstore/aliases": [1]}, {}, r"'modelstore/aliases' is \[1\], not a list of texts"),
        (
            {},
            {"modelstore/params": None, "modelstore/description": ["x"]},
            r"'modelstore/description' is \['x'\], not text",
        ),
        ({}, {"modelstore/format": 3}, "'modelstore/format' is 3, not text"),
    ],
)
def test_metadata_that_means_nothing_is_refused(
    platform: Platform, definition: dict[str, object], output: dict[str, Any], says: str
) -> None:
    @dg.asset(metadata=definition)
    def churn() -> dg.Output[int]:
        return dg.Output(1, metadata=output)

    with refused(InvalidInput, says):
        platform.run(churn)

    assert platform.store.models() == ()


def test_a_single_alias_needs_no_list(platform: Platform) -> None:
    @dg.asset(metadata={"modelstore/aliases": "candidate"})
    def churn() -> int:
        return 1

    platform.run(churn)

    assert platform.store.get("churn@candidate").number == 1


def test_a_name_that_is_none_is_refused(platform: Platform) -> None:
    @dg.asset(metadata={"modelstore/name": "a/b"})
    def churn() -> int:
        return 1

    with refused(InvalidName, "The model name 'a/b' contains"):
        platform.run(churn)


def test_what_cannot_be_serialised_leaves_nothing(platform: Platform) -> None:
    @dg.asset
    def churn() -> object:
        return threading.Lock()

    with refused(NotSerializable, "cannot pickle"):
        platform.run(churn)

    assert platform.store.models() == ()


def test_none_is_no_version(platform: Platform) -> None:
    @dg.asset
    def unannotated():  # type: ignore[no-untyped-def] # noqa: ANN202 -- the case in question
        return None

    @dg.asset
    def nothing() -> None:
        return None

    @dg.asset
    def reported() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"auc": 0.5})

    result = platform.run(unannotated, nothing, reported)

    assert result.success
    assert platform.store.models() == ()


def test_none_is_warned_of(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    @dg.asset
    def churn() -> object:
        return None

    platform.run(churn)

    assert "'churn': None was yielded, so no version was saved" in capsys.readouterr().err


def test_outputs_that_a_multi_asset_skips_are_no_versions(platform: Platform) -> None:
    @dg.multi_asset(outs={"a": dg.AssetOut(is_required=False), "b": dg.AssetOut(is_required=False)})
    def both():  # type: ignore[no-untyped-def] # noqa: ANN202 -- a generator of outputs has no type that Dagster takes
        yield dg.Output(1, output_name="b", metadata={"auc": 0.5})

    platform.run(both)

    assert [model.name for model in platform.store.models()] == ["b"]
    assert platform.store.get("b").metrics == {"auc": 0.5}


@pytest.mark.parametrize("chosen", [["a"], ["a", "b", "c"]])
def test_of_a_multi_asset_only_what_was_chosen_and_has_a_value_is_saved(platform: Platform, chosen: list[str]) -> None:
    outs = {
        "a": dg.AssetOut(is_required=False),
        "b": dg.AssetOut(is_required=False),
        "c": dg.AssetOut(is_required=False, dagster_type=dg.Nothing),
    }

    @dg.multi_asset(outs=outs, can_subset=True)
    def three(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def] # noqa: ANN202 -- as above
        for name in sorted(context.op_execution_context.selected_output_names):
            yield dg.Output(None if name == "c" else "weights", output_name=name)

    result = platform.run(three, selection=chosen)

    assert len(result.get_asset_materialization_events()) == len(chosen)
    assert [model.name for model in platform.store.models()] == [name for name in chosen if name != "c"]


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")  # beta, and Dagster's own use of it
def test_equal_bytes_make_nothing_downstream_stale(platform: Platform) -> None:
    @dg.asset
    def churn(context: dg.AssetExecutionContext) -> str:
        return context.run.tags["weights"]

    follow = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())

    @dg.asset(automation_condition=follow)
    def scores(churn: str) -> str:
        return churn

    defs, cursor, requested = dg.Definitions(assets=[churn, scores]), None, []
    for weights in ("old", "old", "new"):
        platform.run(churn, tags={"weights": weights})
        found = dg.evaluate_automation_conditions(defs, platform.instance, cursor=cursor)
        cursor = found.cursor
        requested.append(found.total_requested)

    assert requested[1:] == [0, 1]


def test_a_materialize_result_with_a_value_is_a_version(platform: Platform) -> None:
    @dg.asset
    def churn() -> dg.MaterializeResult[int]:
        return dg.MaterializeResult(value=1, metadata={"auc": 0.5})

    platform.run(churn)

    assert platform.store.get("churn").metrics == {"auc": 0.5}


def test_the_digest_is_the_data_version(platform: Platform) -> None:
    @dg.asset
    def churn() -> int:
        return 1

    platform.run(churn)

    event = platform.instance.get_latest_materialization_event(dg.AssetKey("churn"))
    assert event is not None
    assert event.asset_materialization is not None
    tags = event.asset_materialization.tags or {}
    assert tags["dagster/data_version"] == platform.store.get("churn").digest


@pytest.mark.filterwarnings("ignore:Parameter `data_version`")  # beta, and the user's choice
@pytest.mark.parametrize("way", ["output", "context"])
def test_the_users_own_data_version_wins(platform: Platform, way: str) -> None:
    @dg.asset
    def churn(context: dg.AssetExecutionContext) -> dg.Output[int]:
        if way == "context":
            context.set_data_version(context.asset_key, dg.DataVersion("mine"))
            return dg.Output(1)
        return dg.Output(1, data_version=dg.DataVersion("mine"))

    result = platform.run(churn)

    (event,) = result.asset_materializations_for_node("churn")
    assert (event.tags or {})["dagster/data_version"] == "mine"


@pytest.mark.filterwarnings("ignore:Parameter `data_version`")
def test_the_record_says_where_it_comes_from(platform: Platform) -> None:
    @dg.asset(code_version="c1")
    def rows() -> dg.Output[int]:
        return dg.Output(1, data_version=dg.DataVersion("march"))

    @dg.asset(key=["risk", "churn"], code_version="c2")
    def churn(rows: int) -> int:
        return rows

    result = platform.run(rows, churn)

    assert platform.store.get("risk.churn").lineage == {
        "platform": "dagster",
        "run_id": result.run_id,
        "job": "__ephemeral_asset_job__",
        "step": "risk__churn",
        "output": "result",
        "asset": ["risk", "churn"],
        "code_version": "c2",
        "upstream": [{"asset": ["rows"], "data_version": "march"}],
    }


def test_each_mapped_copy_of_an_op_is_a_version_of_one_model(platform: Platform) -> None:
    @dg.op(out=dg.DynamicOut(dg.Nothing))
    def rates():  # type: ignore[no-untyped-def] # noqa: ANN202 -- dynamic outputs have no type that Dagster takes
        yield dg.DynamicOutput(None, mapping_key="low")
        yield dg.DynamicOutput(None, mapping_key="high")

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def train(context: dg.OpExecutionContext) -> str:
        return context.get_mapping_key() or ""

    @dg.job(resource_defs={key: value.get_resource_definition() for key, value in platform.resources.items()})
    def sweep() -> None:
        rates().map(train)

    sweep.execute_in_process(instance=platform.instance)

    versions = platform.store.versions("sweep~train~result")
    assert sorted(platform.store.load(version.ref) for version in versions) == ["high", "low"]


def test_a_context_that_a_test_has_built_is_enough(platform: Platform) -> None:
    manager = ModelStoreIOManager(store=ModelStoreResource(url=platform.url))
    raw: dict[str, Any] = {"auc": np.float32(0.5), "rows": 3, "fine": True, "note": "text"}
    context = dg.build_output_context(asset_key=["risk", "churn"], output_metadata=raw)

    manager.handle_output(context, {"w": 1})

    assert platform.store.get("risk.churn").metrics == {"auc": 0.5, "rows": 3}
    assert manager.load_input(dg.build_input_context(asset_key=["risk", "churn"], upstream_output=context)) == {"w": 1}


def test_an_output_of_nothing_has_no_name(platform: Platform) -> None:
    manager = platform.resources["io_manager"]

    with pytest.raises(InvalidInput, match="neither an asset key nor a step"):
        manager.handle_output(dg.build_output_context(), 1)

    manager.handle_output(dg.build_output_context(definition_metadata={"modelstore/name": "churn"}), 1)
    assert platform.numbers("churn") == [1]
