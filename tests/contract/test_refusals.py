"""A real server that speaks S3 and ignores `If-None-Match`: it must be refused at the first write."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.aws import ACCESS_KEY, SECRET_KEY
from tests.emulators import rclone_program

from modelstore_core import ModelStore, UnsafeStorage
from modelstore_core.storage.s3 import S3Options, S3Storage

_LISTENS = re.compile(r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/\]")


@contextmanager
def _rclone(folder: Path) -> Iterator[str]:
    """rclone's S3 server over a folder in which each folder is a bucket; its endpoint."""
    (folder / "buckets" / "models").mkdir(parents=True)
    command = [rclone_program(), "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    command += ["--config", str(folder / "none.conf"), str(folder / "buckets")]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        found = next(filter(None, map(_LISTENS.search, server.stderr)))
        yield found[1]
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def endpoint(aws: None, tmp_path: Path) -> Iterator[str]:
    with _rclone(tmp_path) as endpoint:
        yield endpoint


def test_rclones_server_is_refused_at_the_first_write(endpoint: str, tmp_path: Path) -> None:
    store = ModelStore("s3://models/prod", endpoint=endpoint)
    for _ in range(2):
        with pytest.raises(UnsafeStorage, match=r"a second create of the same key succeeds.*single_writer=True"):
            store.save({"a": 1}, "risk.churn")

    assert len(store.models()) == 0
    assert [path.name for path in (tmp_path / "buckets").rglob("*") if path.is_file()] == []


def test_whoever_is_sure_to_be_alone_may_write_there(endpoint: str) -> None:
    store = ModelStore("s3://models/prod", endpoint=endpoint, single_writer=True)

    for number in (1, 2):
        assert store.save({"a": number}, "risk.churn").number == number
        assert store.load("risk.churn") == {"a": number}


def test_it_copies_nothing_that_it_cannot_prove_and_has_nothing_to_sweep(endpoint: str) -> None:
    storage = S3Storage("models", "", S3Options(endpoint=endpoint))
    storage.put("a", b"model")

    assert storage.copy("a", "b", hashlib.sha256(b"model").hexdigest()) is False
    assert storage.get("b") is None
    assert storage.sweep("", 2e9, dry_run=False) == []
