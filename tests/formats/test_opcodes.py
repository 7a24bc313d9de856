import collections
import io
import pickle
import pickletools
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.formats.hostile import calls, tricks
from tests.formats.plain import Outer
from tests.formats.samples import fitted

from modelstore_core.formats.opcodes import UnscannableError, scan

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
# the machine may be busy, and what is slow here is making the values
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = ("logistic", "forest", "search", "lgbm_classifier")


class _Inert:
    """Stands in for every global while an unpickler shows which ones it asks for."""

    def __init__(self, *args: object) -> None: ...
    def __call__(self, *args: object) -> "_Inert":
        return self

    def __setstate__(self, state: object) -> None: ...
    def append(self, item: object) -> None: ...
    def extend(self, items: object) -> None: ...
    def __setitem__(self, key: object, value: object) -> None: ...


# the one written in Python: it has the same semantics, and no memory to corrupt
class _Recorder(pickle._Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.asked: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> type[_Inert]:
        self.asked.add((module, name))
        return _Inert

    def persistent_load(self, pid: object) -> object:
        raise pickle.UnpicklingError(repr(pid))


def _scanned(data: bytes) -> dict[tuple[str, str], str]:
    return scan(io.BytesIO(data)).names


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_scan_finds_exactly_what_unpickling_asks_for(kind: str, protocol: int) -> None:
    data = pickle.dumps(fitted(kind), protocol)
    recorder = _Recorder(data)

    recorder.load()

    assert set(_scanned(data)) == recorder.asked


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=300),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.sets(st.text()),
    max_leaves=30,
)


@UNHURRIED
@given(value=VALUES, protocol=st.sampled_from(PROTOCOLS))
def test_any_pickle_of_plain_values_can_be_scanned(value: object, protocol: int) -> None:
    data = pickle.dumps([value, collections.OrderedDict(a=value)], protocol)
    recorder = _Recorder(data)

    recorder.load()

    assert set(_scanned(data)) == recorder.asked
    assert set(_scanned(pickletools.optimize(data))) == recorder.asked


SEEDS = [pickle.dumps([fitted("scaler"), Outer.Inner(), {"a", "b"}, 2**70, [1.5, "x" * 300]], p) for p in PROTOCOLS]


@UNHURRIED
@given(
    data=st.sampled_from(SEEDS).flatmap(
        lambda seed: st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), max_size=6).map(
            lambda changes: _changed(seed, changes)
        )
    )
)
def test_no_damaged_pickle_asks_for_more_than_the_scan_found(data: bytes) -> None:
    try:
        found = set(_scanned(data))
    except UnscannableError:
        return
    recorder = _Recorder(data)
    with suppress(Exception):  # what a damaged pickle does to an unpickler is its own affair
        recorder.load()
    assert recorder.asked <= found


def _changed(seed: bytes, changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(seed)
    for index, byte in changes:
        data[index] = byte
    return bytes(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_are_those_that_python_3_resolves(protocol: int) -> None:
    data = pickle.dumps([{1}, collections.OrderedDict()], protocol)

    assert set(_scanned(data).values()) <= {"builtins.set", "collections.OrderedDict", "copyreg._reconstructor"}
    assert "collections.OrderedDict" in _scanned(data).values()


def test_a_name_of_python_2_is_judged_as_what_it_becomes() -> None:
    assert _scanned(b"\x80\x02c__builtin__\neval\n.") == {("__builtin__", "eval"): "builtins.eval"}
    assert _scanned(b"\x80\x02ccommands\ngetoutput\n.") == {("commands", "getoutput"): "subprocess.getoutput"}
    assert _scanned(b"\x80\x03c__builtin__\neval\n.") == {("__builtin__", "eval"): "__builtin__.eval"}


def test_a_nested_class_is_named_in_full() -> None:
    assert "tests.formats.plain.Outer.Inner" in _scanned(pickle.dumps(Outer.Inner(), 4)).values()


def test_a_dotted_name_in_an_old_protocol_is_refused() -> None:
    with pytest.raises(UnscannableError, match="cannot name"):
        _scanned(b"\x80\x03cos\npath.join\n.")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_call_would_run_is_found(protocol: int, tmp_path: Path) -> None:
    for name, value in calls(tmp_path / "canary").items():
        data = pickle.dumps(value, protocol)
        assert any(found.endswith(name) for found in _scanned(data).values()), name


def test_every_trick_is_refused_or_named(tmp_path: Path) -> None:
    named = {}
    for trick, data in tricks(tmp_path / "canary").items():
        try:
            found = scan(io.BytesIO(data))
        except UnscannableError:
            continue
        if found.doubt is None:
            named[trick] = set(found.names.values())

    assert named == {
        "a name from the memo": {"posix.system"},
        "a name from the memo, overwritten": {"posix.system"},
        "a name pushed twice by DUP": {"posix.posix"},
        "a name mapped from Python 2": {"builtins.eval"},
    }


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"x\x9c\xab", "zlib"),
        (b"BZh9", "bz2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"PK\x03\x04", "zip"),
        (b"\x93NUMPY\x01", "npy"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x28\xb5\x2f\xfd", "zstandard"),
    ],
)
def test_a_container_is_refused_by_its_name(start: bytes, name: str) -> None:
    with pytest.raises(UnscannableError, match=f"unknown container \\({name}\\)"):
        _scanned(start + b"rest")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "in the middle"),
        (b"\x80", "in the middle"),
        (b"\x80\x06N.", "protocol 6 is not known"),
        (b"\x80\x04N\x80\x02.", "PROTO again"),
        (b"\x80\x04N..", "more bytes follow"),
        (b"\x80\x04\xffN.", "no pickle opcode"),
        (b"\x80\x04B\xff\xff\xff\xffa.", "claims a payload"),
        (b"\x80\x04\x8b\xff\xff\xff\xff.", "claims a payload"),
        (b"\x80\x04Nr\xff\xff\xff\xff.", "claims a memo"),
        (b"\x80\x04h\x05.", "nothing under the memo index 5"),
        (b"Np-1\n.", "memo index that is no number"),
        (b"Vabc", "in the middle"),
        (b"cos" + b"s" * 2000 + b"\nx\n.", "line without end"),
        (b"\x80\x02c\xff\n\xff\n.", "not UTF-8"),
        (b"\x80\x04B\x00\x00\x02\x00" + bytes(70_000), "claims a payload"),
        (b"\x80\x04B\x73\x11\x01\x00" + bytes(70_000), "in the middle"),
        (b"\x80\x04R.", "stack"),
        (b"\x80\x04t.", "stack"),
    ],
)
def test_what_is_no_pickle_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(UnscannableError, match=why):
        _scanned(data)


def test_a_mark_can_be_popped() -> None:
    assert _scanned(b"\x80\x04N((K\x010100.") == {}


def test_long_texts_and_payloads_are_passed_over() -> None:
    value = ["x" * 5000, b"y" * 100_000, bytearray(100_000), np.arange(20_000), 2**3000, "z" * 70_000]

    for protocol in PROTOCOLS:
        assert "posix.system" not in _scanned(pickle.dumps(value, protocol)).values()


@pytest.mark.parametrize(
    ("trick", "doubt"),
    [
        ("state put into a class", "it changes collections.Counter itself"),
        ("items put into a class", "it changes collections.Counter itself"),
        ("a call of what a call returned", "it calls what it has computed"),
    ],
)
def test_what_names_alone_do_not_bound_is_told(trick: str, doubt: str, tmp_path: Path) -> None:
    assert scan(io.BytesIO(tricks(tmp_path / "canary")[trick])).doubt == doubt


@pytest.mark.parametrize("kind", KINDS)
def test_models_raise_no_doubt(kind: str) -> None:
    for protocol in PROTOCOLS:
        assert scan(io.BytesIO(pickle.dumps(fitted(kind), protocol))).doubt is None
