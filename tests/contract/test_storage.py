"""Every storage we ship, and those of the testing package, keep every promise of the protocol."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import pytest
from modelstore_fsspec import open_fsspec
from tests.contract.file_systems import unsupported
from tests.needs import needed

from modelstore_core.storage import exclusive
from modelstore_core.storage.azure import AzureOptions, AzureStorage
from modelstore_core.storage.gcs import GCSOptions, GCSStorage
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.storage.s3 import S3Options, S3Storage
from modelstore_core.testing.azurite import Azurite
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import FaultyStorage
from modelstore_core.testing.gcs_server import GCSServer
from modelstore_core.testing.s3_server import S3Server
from modelstore_core.testing.storage_contract import StorageContract

_SECRETS = ("test-access-key", "test-secret-key")
_numbers = itertools.count()


def _fresh_memory() -> MemoryStorage:
    return MemoryStorage(f"contract-{next(_numbers)}")


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return _fresh_memory()


class TestLocal(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path / "store")


class TestLocalInMemory(StorageContract):
    """On tmpfs, which has its own ways with links, times and inode numbers."""

    @pytest.fixture
    def storage(self) -> Iterator[Storage]:
        memory = Path("/dev/shm")
        if not memory.is_dir():
            needed("there is no tmpfs at /dev/shm", "mount one (docker: --shm-size)")
        with TemporaryDirectory(dir=memory) as name:
            yield LocalStorage(Path(name) / "store")


class TestLocalByRename(StorageContract):
    """Where there are no hard links, as on FAT."""

    @pytest.fixture
    def storage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
        monkeypatch.setattr(os, "link", unsupported)
        return LocalStorage(tmp_path / "store")


@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
class TestLocalByClaims(StorageContract):
    """Where there is no rename that replaces nothing either, as on some file systems in user space."""

    @pytest.fixture
    def storage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
        monkeypatch.setattr(os, "link", unsupported)
        monkeypatch.setattr(exclusive, "_rename_without_replacing", lambda: unsupported)
        return LocalStorage(tmp_path / "store")


class TestCounting(StorageContract):
    @pytest.fixture
    def storage(self) -> Storage:
        return CountingStorage(_fresh_memory())


class TestFaultyWithoutFaults(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FaultyStorage(LocalStorage(tmp_path / "store"))


class TestS3(StorageContract):
    secrets = _SECRETS

    @pytest.fixture
    def storage(self, aws: None) -> Iterator[Storage]:
        with S3Server(["models"]) as server:
            yield S3Storage("models", "team/prefix", S3Options(endpoint=server.endpoint))


class TestS3WithoutPrefix(StorageContract):
    secrets = _SECRETS

    @pytest.fixture
    def storage(self, aws: None) -> Iterator[Storage]:
        with S3Server(["models"], versioning=True) as server:
            yield S3Storage("models", "", S3Options(endpoint=server.endpoint, region="eu-west-1"))


class TestMoto(StorageContract):
    secrets = _SECRETS
    rounds = 3
    copies = False

    @pytest.fixture
    def storage(self, aws: None, moto_endpoint: str) -> Storage:
        bucket = f"bucket-{next(_numbers)}"
        boto3.client("s3", endpoint_url=moto_endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
        return S3Storage(bucket, "prefix", S3Options(endpoint=moto_endpoint))


class TestAzure(StorageContract):
    secrets = (Azurite.key,)
    copies = False  # Azure tells no sha256
    rounds = 3

    @pytest.fixture
    def storage(self, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Storage:
        for name, value in azurite.variables.items():
            monkeypatch.setenv(name, value)
        container = f"container-{next(_numbers)}"
        azurite.create_container(container)
        return AzureStorage(container, "prefix", AzureOptions(endpoint=azurite.endpoint))


class TestGCS(StorageContract):
    secrets = ("token-of-google",)
    copies = False  # Google tells no sha256

    @pytest.fixture
    def storage(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", self.secrets[0])
        with GCSServer(["models"], token=self.secrets[0]) as server:
            yield GCSStorage("models", "team/prefix", GCSOptions(endpoint=server.endpoint))


class TestFsspecFolder(StorageContract):
    """Fsspec's `file://` has hard links, so the example keeps every promise there but to outlive a power cut."""

    copies = False
    many = 300

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return open_fsspec(f"fsspec+file://{tmp_path}/store")


class TestFsspecMemory(StorageContract):
    """Fsspec's `memory://` has no create-if-absent; `tests/core/test_storage_fsspec.py` has what follows from that."""

    copies = False
    many = 300
    test_one_of_many_racing_creates_wins = None  # type: ignore[assignment] # not promised there

    @pytest.fixture
    def storage(self) -> Storage:
        return open_fsspec(f"fsspec+memory://contract-{next(_numbers)}")
