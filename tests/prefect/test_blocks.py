import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from prefect import get_client
from prefect.blocks.core import Block
from prefect.settings import PREFECT_API_URL
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import ValidationError
from tests.prefect.servers import environment

from modelstore_core import InvalidLocation, ModelStore, Progress, StoreReadOnly
from prefect_modelstore import ModelStoreBlock
from prefect_modelstore.blocks import open_store

SECRET = "nobody-may-see-this"
SLUGS = {"model-store", "model-store-credentials", "model-store-cursor"}


class TestBlockStandards(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[Block]:
        return ModelStoreBlock

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """None is published, so none is claimed."""
        assert block._logo_url is None


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def test_a_block_pickles_and_shows_itself_without_a_secret(secrets: None) -> None:
    block = ModelStoreBlock(url="s3://bucket/models", region="eu-west-1", endpoint="http://127.0.0.1:9000")
    block.get_store()

    pickled = pickle.dumps(block)

    assert pickle.loads(pickled) == block
    assert SECRET.encode() not in pickled
    assert SECRET not in repr(block)


def test_a_block_opens_its_store_in_another_process(tmp_path: Path) -> None:
    block = ModelStoreBlock(url=str(tmp_path), actor="worker")
    block.get_store().save({"a": 1}, "risk.churn")
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).get_store().get('risk.churn'))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(block),
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        timeout=120,
    )

    assert "risk.churn@1" in done.stdout.decode()
    assert "by worker" in done.stdout.decode()


def test_a_block_keeps_no_store(tmp_path: Path) -> None:
    block = ModelStoreBlock(url=str(tmp_path))

    assert block.get_store() is not block.get_store()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": "ftp://x"}, "the scheme 'ftp' is unknown"),
        ({"url": "./models", "region": "eu-west-1"}, "'region' is no option of it"),
        ({"url": "./models", "options": {"sse": "AES256"}}, "'sse' is no option of it"),
        ({"url": "./models", "options": {"trust": "full"}}, "'trust' in `options` is a field of its own"),
        ({"url": "./models", "trust": "full", "trusted": ["a.B"]}, "takes no list"),
        ({"url": "./models", "trust": "some"}, "'safe', 'listed' or 'full'"),
        ({"url": f"s3://me:{SECRET}@bucket"}, "it has a user or a password in it"),
    ],
)
def test_what_is_wrong_with_a_block_is_said_when_it_is_made(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelStoreBlock(**fields)

    assert problem in str(caught.value)
    assert SECRET not in str(caught.value)


def test_other_options_of_a_block_reach_the_storage() -> None:
    block = ModelStoreBlock(url="s3://bucket/models", region="eu-west-1", options={"kms_key": "alias/models"})

    assert "kms_key='alias/models'" in repr(block.get_store()._handle.storage)


@pytest.mark.parametrize(
    ("url", "options"), [("az://models/prod", {"account": "ours"}), ("gs://models/prod", {}), ("memory://m", {})]
)
def test_a_block_takes_every_scheme_that_a_store_does(url: str, options: dict[str, str | bool]) -> None:
    assert ModelStoreBlock(url=url, options=options).get_store().url == url


def test_trust_of_a_block_reaches_the_store(tmp_path: Path) -> None:
    block = ModelStoreBlock(url=str(tmp_path), trusted=["a.B"])

    assert block.get_store()._handle.settings.trust.extra == {"a.B"}


def test_prefect_finds_every_type_of_block_by_the_entry_point() -> None:
    code = (
        "from prefect.plugins import load_prefect_collections\n"
        "from prefect.blocks.core import Block\n"
        "from prefect.utilities.dispatch import lookup_type\n"
        "load_prefect_collections()\n"
        f"print([lookup_type(Block, slug).__module__ for slug in {SLUGS!r}])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=120
    )

    assert done.stdout.count("prefect_modelstore.") == len(SLUGS)


@pytest.mark.usefixtures("prefect_server")
def test_all_types_are_registered_by_one_command(tmp_path: Path) -> None:
    env = environment(tmp_path / "home", str(PREFECT_API_URL.value()))
    command = [sys.executable, "-m", "prefect", "block", "register", "-m", "prefect_modelstore"]
    with get_client(sync_client=True) as client:
        known = {one["slug"]: one["id"] for one in client.request("POST", "/block_types/filter", json={}).json()}
        for slug in SLUGS & set(known):  # other tests have saved blocks
            client.request("DELETE", cast("Any", f"/block_types/{known[slug]}")).raise_for_status()

        subprocess.run(command, env=env, capture_output=True, check=True, timeout=200)

        types = client.request("POST", "/block_types/filter", json={}).json()
    assert {one["slug"] for one in types} >= SLUGS


@pytest.mark.usefixtures("prefect_server")
def test_a_saved_block_is_found_by_its_reference(tmp_path: Path) -> None:
    ModelStoreBlock(url=str(tmp_path), actor="me").save("prod", overwrite=True)

    assert open_store("model-store/prod").url == ModelStore(tmp_path).url


@pytest.mark.usefixtures("prefect_server")
def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="nowhere for block type model-store"):
        open_store("model-store/nowhere")


def test_a_folder_may_have_the_name_of_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_store("./model-store/prod").url == str(tmp_path / "model-store/prod")


def test_without_a_store_the_environment_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_URL", str(tmp_path))
    assert open_store(None).url == ModelStore(tmp_path).url

    monkeypatch.delenv("MODELSTORE_URL")
    with pytest.raises(InvalidLocation, match="MODELSTORE_URL"):
        open_store(None)


def test_a_block_keeps_a_cache_reads_only_and_tells_of_progress(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"weights")
    told: list[Progress] = []
    url = f"memory://{tmp_path.name}"
    open_store(ModelStoreBlock(url=url), progress=told.append).save(tmp_path / "weights.bin", "m")
    block = ModelStoreBlock(url=url, read_only=True, cache=str(tmp_path / "cache"), cache_size="1 GiB")
    path = open_store(block, progress=told.append).load("m")

    assert [progress.verb for progress in told if progress.ended] == ["save", "load"]
    assert path.is_relative_to(tmp_path / "cache")
    with pytest.raises(StoreReadOnly):
        block.get_store().delete("m@1")
    with pytest.raises(ValidationError, match="is no size"):
        ModelStoreBlock(url=url, cache_size="much")
