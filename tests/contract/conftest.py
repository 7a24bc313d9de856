from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.aws import use_fake_aws
from tests.contract.moto_server import MotoServer


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with MotoServer() as server:
        yield server.endpoint
