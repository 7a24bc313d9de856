"""Files around hostile pickles, as somebody who can write to a bucket could put them where a model lies."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import joblib
import numpy as np
from tests.formats.hostile import calls, tricks

__all__ = ["CONTAINERS", "bodies", "disguised_joblib", "joblib_files", "npy_of_objects", "skops_file", "torch_zip"]


def bodies(canary: Path) -> dict[str, bytes]:
    """Hostile pickles: every call in every protocol, and every trick."""
    found = {
        f"{name} by protocol {protocol}": pickle.dumps(value, protocol)
        for name, value in calls(canary).items()
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    }
    return {**found, **tricks(canary)}


def torch_zip(body: bytes) -> bytes:
    """The zip file that `torch.save` writes, around another pickle."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, part in (("data.pkl", body), ("byteorder", b"little"), ("data/0", b"\0" * 16), ("version", b"3\n")):
            archive.writestr(f"model/{name}", part)
    return made.getvalue()


def npy_of_objects(body: bytes) -> bytes:
    """An array file that says it holds objects, and the pickle."""
    made = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(made, header)
    return made.getvalue() + body


def zipped(body: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/model.pkl", body)
    return made.getvalue()


def skops_file(kind: str) -> bytes:
    """A skops file whose schema names a type."""
    module, _, name = kind.rpartition(".")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        node = {"__class__": name, "__module__": module, "__loader__": "ObjectNode", "content": {"a": [{}]}}
        archive.writestr("schema.json", json.dumps({**node, "protocol": 2, "_skops_version": "0.13"}))
    return made.getvalue()


CONTAINERS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda body: lzma.compress(body, lzma.FORMAT_ALONE),
    "zip": zipped,
    "torch zip": torch_zip,
    "npy": npy_of_objects,
    "gzip in zip": lambda body: zipped(gzip.compress(body)),
    "npy in xz": lambda body: lzma.compress(npy_of_objects(body)),
    "zip twice": lambda body: zipped(zipped(body)),
}


def joblib_files(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Files that joblib writes: plain and compressed, with an array before what is called."""
    for how in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)):
        for name, value in calls(canary).items():
            made = io.BytesIO()
            joblib.dump([np.arange(3.0), value], made, compress=how)
            yield f"{name} by joblib, {how}", made.getvalue()


def disguised_joblib(body: bytes) -> bytes:
    """A file that joblib takes for an array of five numbers and then the body, and pickle for a text without effect.

    The numbers are the beginning of an instruction that skips the body.
    """
    made = io.BytesIO()
    joblib.dump(np.zeros(5, dtype="u1"), made)
    whole = made.getvalue()
    wrapper = whole[: whole.rindex(b"b") + 1]  # up to where the array's state is set, and its numbers begin
    return (
        wrapper.replace(b"numpy_array_alignment_bytes", b"numpy_array_alignment_bytez")
        + b"B"
        + len(body).to_bytes(4, "little")
        + body
        + b"."
    )
