"""Real file systems in image files, mounted for the tests: without hard links, and with blocks that files can share.

Mounting needs root, a loop device and the programs; these tests are skipped wherever one of them is lacking, in CI too,
where `TestLocalByRename` and `TestLocalByClaims` hold the same code to the same contract on the machine's own.
"""

import ctypes
import os
import shutil
import subprocess
from functools import partial
from inspect import signature
from pathlib import Path

import pytest

from modelstore_core.errors import StorageError
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.contract_kit import at_once, keys_of, refused
from modelstore_core.testing.storage_contract import StorageContract

_SIZE = 400 << 20


class _Mount:
    """An image file with a file system in it, mounted through a loop device; `pytest.skip` if that cannot be."""

    def __init__(self, folder: Path, make: str, mount: str) -> None:
        self.root = folder / "mounted"
        self.root.mkdir()
        if os.geteuid() != 0:
            pytest.skip("mounting a file system needs root")
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(_SIZE)
        self._run(make, str(image))
        self._device = self._run("losetup", "--find", "--show", str(image)).strip()
        try:
            self._mount(mount)
        except BaseException:
            self._run("losetup", "--detach", self._device)
            raise

    def _mount(self, kind: str) -> None:
        if "-" in kind:  # in user space: by a program that goes on in the background until it is unmounted
            self._run(f"mount.{kind}", self._device, str(self.root))
        else:
            self._run("mount", "-t", kind, self._device, str(self.root))

    def close(self) -> None:
        """Unmount, and leave neither process nor device."""
        self._run("umount", str(self.root))
        self._run("losetup", "--detach", self._device)

    @staticmethod
    def _run(program: str, *arguments: str) -> str:
        done = subprocess.run([_program(program), *arguments], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            pytest.skip(f"{program} failed here: {(done.stderr or done.stdout).strip()[:200]}")
        return done.stdout


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return found if found is not None else pytest.skip(f"there is no {name} on this machine")


class _ExFatContract(StorageContract):
    """What holds in user space, without hard links, and without a rename that replaces nothing."""

    def test_allowed_keys_are_taken_as_they_are(self, storage: Storage) -> None:
        """But for characters that FAT has no room for: those are an error, and no other name."""
        for key in ('quotes"', "angles<>", "a:b"):
            refused(StorageError, partial(storage.create, key, b"1"))

        assert keys_of(storage) == []

    def test_allowed_keys_can_be_deleted(self, storage: Storage) -> None:
        """Those that there can be."""
        storage.put("Ünïcödé/模型", b"1")
        storage.delete(["Ünïcödé/模型"])

        assert keys_of(storage) == []

    def test_a_reader_sees_one_body_or_the_other(self, storage: Storage) -> None:
        """Or none. What is overwritten are hints, and one that is missing decides nothing."""
        bodies = (b"a" * 70_000, b"b" * 50_000)
        storage.put("a", bodies[0])

        def write() -> bool:
            for number in range(20):
                storage.put("a", bodies[number % 2])
            return True

        def read() -> bool:
            return all(storage.get("a") in {*bodies, None} for _ in range(20))

        assert all(at_once([write, read, read]))

    def test_a_created_object_is_never_seen_in_part(self, storage: Storage) -> None:
        """What the log rests on."""
        keys = [f"log/{number}" for number in range(30)]

        def write() -> bool:
            return all(storage.create(key, b"commit" * 1000) for key in keys)

        def read() -> bool:
            return all(storage.get(key) in {b"commit" * 1000, None} for _ in range(10) for key in keys)

        assert all(at_once([write, read, read]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The file system of:UserWarning")
def test_exfat_keeps_the_contract_by_claims(tmp_path: Path) -> None:
    """One test for all of them, so that a machine that cannot mount it says so once."""
    contract = _ExFatContract()
    mount = _Mount(tmp_path, "mkfs.exfat", "exfat-fuse")
    try:
        for name in (name for name in dir(contract) if name.startswith("test_")):
            test, own = getattr(contract, name), tmp_path / name
            own.mkdir()
            storage = LocalStorage(mount.root / name[:100])
            arguments = {"storage": storage, "tmp_path": own}
            test(**{parameter: arguments[parameter] for parameter in signature(test).parameters})

            assert storage.creates_by in {"claim", None}
            assert not list(storage.root.rglob(".tmp~*"))
    finally:
        mount.close()


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_a_copy_shares_the_blocks_of_its_source(kind: str, tmp_path: Path) -> None:
    mount = _Mount(tmp_path, f"mkfs.{kind}", kind)
    try:
        storage = LocalStorage(mount.root / "store")
        (tmp_path / "source").write_bytes(os.urandom(64 << 20))
        sent = storage.send("data/1/model", tmp_path / "source")
        before = _free(mount.root)
        for number in range(2, 12):
            assert storage.copy("data/1/model", f"data/{number}/model", sent.sha256) is True

        assert before - _free(mount.root) < 64 << 20
        assert (storage.root / "data/2/model").stat().st_nlink == 1
        storage.put("data/1/model", b"changed")
        assert storage.fetch("data/2/model", tmp_path / "out") == sent
    finally:
        mount.close()


def _free(folder: Path) -> int:
    ctypes.CDLL(None).sync()
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
