"""Names, references and keys: whatever a string holds, nothing outside the store's root is touched by it."""

import itertools
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.properties.effort import effort

from modelstore_core import InvalidName, InvalidReference, ModelStore, ModelStoreError
from modelstore_core.model.names import Reference, check_alias, check_key, check_name, folder_of, parse_reference
from modelstore_core.storage.local import LocalStorage
from modelstore_core.testing.stores import store_over

HOSTILE = [
    "", ".", "..", "../x", "../../../../etc/passwd", "/etc/passwd", "//x", "a/../../b", "a/b", "a\\..\\b", "..\\..\\x",
    "C:\\x", "C:x", "\\\\host\\share", "%2e%2e%2f", "%252e%252e", "..%2f", "..;/x", "a?b", "a#b", "a;b", "~", "~root",
    "-rf", "--", "*", "$(id)", "`id`", "a|b", "a\nb", "a\0b", "\x1b[31m", "CON", "con", "nul.txt", "COM1", "lpt9.x",
    "a.", "a ", " a", "a\u00a0", ".hidden", "store.json", "heads", "models", "log", ".tmp~x", "a--b",
    "caf\u00e9", "cafe\u0301", "\u202egnp", "\u200b", "\ufeffa", "\ud800", "😀",
    "ﬁ", "Å", "Å", "K", "x" * 300, "ü" * 150,
    "__proto__", "__pycache__", "None", "null", "models:/m/1", "models:/../1", "m@..", "m@../x", "@", "@@", "m@", "@c",
]  # fmt: skip
strings = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=30),
    st.lists(st.sampled_from(["..", "/", "\\", "@", ":", "%2e", "\0", "a", ".", " ", "ü", "C"]), max_size=8).map(
        "".join
    ),
)
names = st.text(st.characters(codec="utf-8", exclude_characters="/:@"), min_size=1, max_size=40)
aliases = st.from_regex(r"[A-Za-z_-][A-Za-z_-]{0,20}", fullmatch=True)


@given(strings)
@effort(400)
def test_a_name_is_accepted_in_nfc_or_refused(text: str) -> None:
    try:
        name = check_name(text)
    except InvalidName:
        return
    assert name == unicodedata.normalize("NFC", text)
    assert not set("/:@\0\n") & set(name)
    assert 1 <= len(name.encode()) <= 200
    assert check_name(name) == name


@given(strings)
@effort(400)
def test_every_name_has_a_folder_that_any_file_system_keeps(text: str) -> None:
    with suppress(InvalidName):
        folder = folder_of(check_name(text))

        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,119}", folder)
        assert not folder.endswith(".")
        assert folder.split(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(names, names)
@example("Model", "model")
@example("a.b", "a b")
@example("a", "a ")
@example("K", "\u212a")
@effort(300)
def test_two_names_never_share_a_folder(one: str, other: str) -> None:
    with suppress(InvalidName):
        one, other = check_name(one), check_name(other)
        assume(one != other)

        assert folder_of(one).casefold() != folder_of(other).casefold()


@given(strings)
@effort(400)
def test_a_reference_is_what_its_text_says_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except (InvalidName, InvalidReference) as error:
        refused = error
    else:
        assert parse_reference(str(reference)) == reference
        return
    assert refused.fix


@given(names, st.integers(1, 10**17), aliases)
@effort(200)
def test_every_reference_is_read_as_it_was_meant(name: str, number: int, alias: str) -> None:
    with suppress(InvalidName):
        name, alias = check_name(name), check_alias(alias)
        for selector, expected in [
            ("", Reference(name=name)),
            ("@latest", Reference(name=name)),
            (f"@{number}", Reference(name=name, number=number)),
            (f"@{alias}", Reference(name=name, alias=alias)),
        ]:
            assume(not name.startswith("models:"))
            assert parse_reference(name + selector) == expected
        for path, expected in [
            (f"{name}/{number}", Reference(name=name, number=number)),
            (f"{name}/latest", Reference(name=name)),
            (f"{name}@{alias}", Reference(name=name, alias=alias)),
        ]:
            assert parse_reference(f"models:/{path}") == expected


_roots = itertools.count()


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something in it that is nobody's business, and stores two levels below."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "precious").mkdir()
    (outside / "precious" / "file").write_text("untouched")
    return outside


def found_outside(sentinel: Path) -> list[tuple[str, int]]:
    """Everything but the stores, with the time of its last change. Nobody looks into these, which only grow."""
    beside = [path for path in sentinel.iterdir() if path.name != "stores"]
    paths = sorted([*beside, *(below for path in beside for below in path.rglob("*"))])
    return [(p.relative_to(sentinel).as_posix(), p.lstat().st_mtime_ns) for p in paths]


ACTS: list[Callable[[ModelStore, str], object]] = [
    lambda s, text: s.save({"w": 1}, text, format="pickle"),
    lambda s, text: s.get(text),
    lambda s, text: s.load(f"m@{text}"),
    lambda s, text: s.promote("m@1", text),
    lambda s, text: s.annotate("m@1", tags={text or "x": text}, description=text),
    lambda s, text: s.annotate("m@1", tags={"x": text}, key=text),
    lambda s, text: s.save({"w": 1}, "m", format="pickle", params={text: text}, lineage={text: text}),
    lambda s, text: s.unalias("m", text, reason=text),
    lambda s, text: s.delete("m@1", reason=text, force=True),
    lambda s, text: s.save({"w": 1}, "m", format="pickle", key=text, aliases=[text]),
    lambda s, text: s.delete(text),
    lambda s, text: s.history(text),
    lambda s, text: s.changes(text),
    lambda s, text: s.versions("m", order_by=text),
]


@given(text=strings, act=st.sampled_from(ACTS))
@effort(300)
def test_no_string_leads_out_of_the_store(sentinel: Path, text: str, act: Callable[[ModelStore, str], object]) -> None:
    root = sentinel / "stores" / str(next(_roots) // 50)
    store = store_over(LocalStorage(root))
    if not root.exists():
        store.save({"w": 0}, "m", format="pickle")
    before = found_outside(sentinel)
    with suppress(ModelStoreError):
        act(store, text)

    assert found_outside(sentinel) == before
    assert {p.name for p in root.iterdir()} == {"heads", "models", "store.json"}
    assert {p.name for model in (root / "models").iterdir() for p in model.iterdir()} <= {
        "log",
        "data",
        "keys",
        "blocks",
    }


@given(strings)
@effort(200)
def test_a_key_is_any_text_of_bounded_length(text: str) -> None:
    with suppress(InvalidName):
        assert check_key(text) == text
        assert 1 <= len(text.encode()) <= 512
