"""The places at which processes race: a folder, and services on this machine, each with its own way of being slow."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import boto3
import pytest
from tests.contract.aws import use_fake_aws
from tests.contract.moto_server import MotoServer
from tests.needs import needed

from modelstore_core import ModelStore
from modelstore_core.testing.azurite import Azurite
from modelstore_core.testing.s3_server import S3FaultKind, S3Server

ROOT = Path(__file__).parents[2]
RATES: Mapping[S3FaultKind, float] = {
    "drop_before": 0.02,
    "drop_after": 0.03,
    "503_before": 0.02,
    "503_after": 0.03,
    "conflict": 0.03,
}

Place: TypeAlias = Callable[[pytest.FixtureRequest], AbstractContextManager[ModelStore]]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file to save: the cheapest model there is."""
    path = tmp_path / "weights.bin"
    path.write_bytes(b"weights")
    return path


@contextmanager
def _folder(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    yield ModelStore(request.getfixturevalue("tmp_path") / "store")


@contextmanager
def _faulty_s3(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    request.getfixturevalue("aws")
    with S3Server(["models"], seed=7, rates=RATES) as server:
        yield ModelStore("s3://models/team", endpoint=server.endpoint, region="us-east-1")


@contextmanager
def _moto(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    request.getfixturevalue("aws")
    with MotoServer() as server:
        yield in_bucket(server.endpoint)


@contextmanager
def _azurite(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    azurite: Azurite = request.getfixturevalue("azurite")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name, value in azurite.variables.items():
        monkeypatch.setenv(name, value)
    container = f"race-{os.urandom(8).hex()}"
    azurite.create_container(container)
    yield ModelStore(f"az://{container}/team", endpoint=azurite.endpoint)


@contextmanager
def _ceph(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    yield in_bucket(request.getfixturevalue("ceph"))


def in_bucket(endpoint: str, *, versioned: bool = False) -> ModelStore:
    """A store in a new bucket there."""
    client, name = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1"), f"race-{os.urandom(8).hex()}"
    client.create_bucket(Bucket=name)
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return ModelStore(f"s3://{name}/team", endpoint=endpoint, region="us-east-1")


PLACES: Mapping[str, Place] = {
    "folder": _folder,
    "faulty S3": _faulty_s3,
    "moto": _moto,
    "Azurite": _azurite,
    "Ceph": _ceph,
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.soak] if name == "Ceph" else []) for name in PLACES])
def store(request: pytest.FixtureRequest) -> Iterator[ModelStore]:
    """An empty store that other processes can open too, in each of the places."""
    with PLACES[request.param](request) as store:
        yield store


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def ceph_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Ceph's gateway, a server that many run; it ends with its standard input."""
    if not (ROOT / ".ceph" / "ready").exists():
        needed("Ceph is not unpacked", "run tools/ceph_rgw.sh unpack, on Debian")
    command = [str(ROOT / "tools" / "ceph_rgw.sh"), "run", str(tmp_path_factory.mktemp("ceph") / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@pytest.fixture
def ceph(aws: None, ceph_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its endpoint, with its credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "rgw-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rgw-secret-key")
    return ceph_endpoint
