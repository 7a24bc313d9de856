import pickle
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import ValidationError
from tests.dagster.harness import Platform, refused

from dagster_modelstore import GateConfig, ModelStoreIOManager, ModelStoreResource, PromoteConfig
from modelstore_core import InvalidInput, InvalidLocation, Progress, StorageDenied, StoreReadOnly, Untrusted

S3: dict[str, Any] = {
    "url": "s3://models/prod",
    "endpoint": "http://127.0.0.1:9",
    "region": "eu-west-1",
    "anonymous": True,
}


def test_every_setting_says_what_it_is_for() -> None:
    for model in (ModelStoreResource, GateConfig, PromoteConfig):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="rooot"):
        ModelStoreResource(url="models", rooot="/x")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="prefix"):
        ModelStoreIOManager(store=ModelStoreResource(url="models"), prefix="/x")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"url": "s4://bucket"}, InvalidLocation, "the scheme 's4' is unknown"),
        ({"url": ""}, InvalidLocation, "No store was named"),
        ({"url": "models", "region": "eu-west-1"}, InvalidLocation, "'region' is no option"),
        ({"url": "models", "options": {"sse": "AES256"}}, InvalidLocation, "'sse' is no option"),
        ({"url": "models", "options": {"trust": "full"}}, InvalidInput, "'trust' in `options` is a field of its own"),
        ({"url": "models", "trust": "everything"}, InvalidInput, "trust='everything' is no trust level"),
        ({"url": "models", "trust": "full", "trusted": ["a.B"]}, InvalidInput, "trust='full' takes no list"),
        ({"url": "models", "trusted": ["sklearn.*"]}, InvalidInput, r"'sklearn\.\*'"),
    ],
)
def test_a_setting_that_cannot_be_is_a_typed_error(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ModelStoreResource(**settings).get_store()


def test_options_reach_the_storage() -> None:
    assert ModelStoreResource(**S3, path_style=True).get_store().url == "s3://models/prod"
    assert ModelStoreResource(**S3, options={"sse": "AES256"}).get_store().url == "s3://models/prod"
    with pytest.raises(InvalidLocation, match="sse='rot13'"):
        ModelStoreResource(**S3, options={"sse": "rot13"}).get_store()


@pytest.mark.parametrize(("url", "options"), [("az://models/prod", {"account": "ours"}), ("gs://models/prod", {})])
def test_every_scheme_that_a_store_takes_is_taken(url: str, options: dict[str, str]) -> None:
    assert ModelStoreResource(url=url, options=options).get_store().url == url


def test_the_store_is_made_anew_for_each_call(platform: Platform) -> None:
    resource = ModelStoreResource(url=platform.url)

    assert resource.get_store() is not resource.get_store()
    assert "modelstore" not in repr(sorted(vars(resource)))


def test_the_readers_own_list_is_what_loading_trusts(platform: Platform) -> None:
    ModelStoreResource(url=platform.url).get_store().save(dg.AssetKey("x"), "key")

    with pytest.raises(Untrusted) as refused:
        ModelStoreResource(url=platform.url).get_store().load("key")

    trusting = ModelStoreResource(url=platform.url, trusted=list(refused.value.names))
    assert trusting.get_store().load("key") == dg.AssetKey("x")


def test_settings_come_from_the_environment(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = ModelStoreResource(url=dg.EnvVar("TEST_MODELS"), actor=dg.EnvVar("TEST_ACTOR"))

    with pytest.raises(InvalidInput, match="variable 'TEST_MODELS', which 'url' of the resource names, is not set"):
        resource.get_store()

    monkeypatch.setenv("TEST_MODELS", platform.url)
    monkeypatch.setenv("TEST_ACTOR", "ada")
    assert resource.get_store().save(1, "m").created_by == "ada"
    assert platform.url not in repr(resource)


def test_dagster_resolves_the_environment_in_a_run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MODELS", platform.url)
    resource = ModelStoreResource(url=dg.EnvVar("TEST_MODELS"))

    @dg.asset
    def churn() -> int:
        return 1

    platform.run(churn, resources={"io_manager": ModelStoreIOManager(store=resource)})

    assert platform.numbers("churn") == [1]


def test_a_variable_that_is_missing_fails_the_run_before_any_step(platform: Platform) -> None:
    started: list[int] = []

    @dg.asset
    def churn() -> None:
        started.append(1)

    manager = ModelStoreIOManager(store=ModelStoreResource(url=dg.EnvVar("NO_SUCH_VARIABLE")))
    with pytest.raises(dg.DagsterInvalidConfigError, match="NO_SUCH_VARIABLE"):
        platform.run(churn, resources={"io_manager": manager})

    assert started == []


def test_missing_credentials_fail_the_step_with_what_to_do(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    tries: list[int] = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def churn() -> int:
        tries.append(1)
        return 1

    manager = ModelStoreIOManager(store=ModelStoreResource(url="s3://models/prod", region="eu-west-1"))
    with refused(StorageDenied, "credentials"):
        platform.run(churn, resources={"io_manager": manager})

    assert len(tries) == 1


def test_a_run_may_configure_the_store(platform: Platform) -> None:
    @dg.asset
    def churn() -> int:
        return 1

    shared = ModelStoreResource.configure_at_launch()
    resources = {"modelstore": shared, "io_manager": ModelStoreIOManager(store=shared)}

    platform.run(
        churn, resources=resources, run_config={"resources": {"modelstore": {"config": {"url": platform.url}}}}
    )

    assert platform.numbers("churn") == [1]


def test_pickles_hold_the_settings_and_no_secret(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("TEST_MODELS", "s3://hidden/bucket")
    resource = ModelStoreResource(url=platform.url, actor=dg.EnvVar("TEST_MODELS"), trusted=["a.B"])
    manager = ModelStoreIOManager(store=resource)
    ModelStoreResource(**S3).get_store()

    raw = pickle.dumps((resource, manager, ModelStoreResource(**S3)))
    again, managed, remote = pickle.loads(raw)

    assert b"hunter2" not in raw
    assert b"hidden" not in raw
    assert (again, managed, remote) == (resource, manager, ModelStoreResource(**S3))
    assert isinstance(again.actor, dg.EnvVar)
    assert managed.store.get_store().url == resource.get_store().url


def test_a_pickled_manager_works(platform: Platform) -> None:
    manager = pickle.loads(pickle.dumps(platform.resources["io_manager"]))
    manager.handle_output(dg.build_output_context(asset_key="churn"), "weights")

    assert manager.load_input(dg.build_input_context(asset_key="churn")) == "weights"


def test_a_resource_keeps_a_cache_reads_only_and_tells_of_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    monkeypatch.setenv("CACHE", str(tmp_path / "cache"))
    told: list[Progress] = []
    url = f"memory://{tmp_path.name}"
    ModelStoreResource(url=url).get_store(progress=told.append).save(tmp_path / "weights.bin", "m")
    resource = ModelStoreResource(url=url, read_only=True, cache=dg.EnvVar("CACHE"), cache_size="1 GiB")
    path = resource.get_store(progress=told.append).load("m")

    assert [progress.verb for progress in told if progress.ended] == ["save", "load"]
    assert path.is_relative_to(tmp_path / "cache")
    with pytest.raises(StoreReadOnly):
        resource.get_store().delete("m@1")
