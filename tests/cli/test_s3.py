"""The storage's options, all the way to a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Run
from tests.contract.aws import use_fake_aws

from modelstore_core.testing.s3_server import S3Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Server]:
    use_fake_aws(monkeypatch, tmp_path)
    monkeypatch.setenv("MODELSTORE_URL", "s3://models/team")
    with S3Server(["models"]) as server:
        yield server


def test_a_bucket_is_a_store_like_any_other(mstore: Run, server: S3Server, home: Path) -> None:
    there = ("--option", f"endpoint={server.endpoint}", "--option", "region=us-east-1", "--option", "path-style=true")
    assert mstore(*there, "save", "risk", "old.bin", "--alias", "champion").out == "risk@1\n"
    assert mstore(*there, "ls", "--json").document[0]["aliases"] == {"champion": 1}
    assert mstore("pull", "risk@champion", "out", *there).code == 0
    assert (home / "out" / "old.bin").read_bytes() == b"old weights"


def test_a_bucket_that_is_not_there_is_a_storage_error(mstore: Run, server: S3Server) -> None:
    there = ("--store", "s3://nowhere", "--option", f"endpoint={server.endpoint}", "--option", "region=us-east-1")
    done = mstore(*there, "ls", "--json")
    assert (done.code, done.error["error"]) == (5, "storage_missing")


def test_a_wrong_option_is_named(mstore: Run, server: S3Server) -> None:
    done = mstore("ls", "--option", "regoin=eu-west-1")
    assert (done.code, "'regoin' is no option of it" in done.err) == (2, True)
