"""Sources that somebody made to do harm, or that are broken: nothing is run, nothing escapes, nothing is half there."""

import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.importing.trees import Tree, archive, dumped

from modelstore_core import InvalidInput, ModelStore
from modelstore_core.importing.archives import Limits, unpack
from modelstore_core.importing.naming import alias_for, names_for
from modelstore_core.importing.plan import LeftOut

Member = tarfile.TarInfo


def packed(*members: tuple[Member, bytes], pax: dict[str, str] | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", pax_headers=pax) as tar:
        for member, body in members:
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return made.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


ESCAPES = {
    "up": packed((member("../evil"), b"x")),
    "up, later": packed((member("a/../../evil"), b"x")),
    "absolute": packed((member("/tmp/evil"), b"x")),
    "sibling": packed((member("../unpacked-evil/x"), b"x")),
    "symlink": packed((member("link", tarfile.SYMTYPE, "/etc"), b""), (member("link/evil"), b"x")),
    "hard link": packed((member("passwd", tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "device": packed((member("null", tarfile.CHRTYPE), b"")),
    "pipe": packed((member("pipe", tarfile.FIFOTYPE), b"")),
    "backslash": packed((member("..\\evil"), b"x")),
    "control": packed((member("a\x1b[2Jb"), b"x")),
    "twice": packed((member("model.joblib"), b"x"), (member("./model.joblib"), b"y")),
    "file and folder": packed((member("a"), b"x"), (member("a/b"), b"y")),
}
BROKEN = {
    "empty": b"",
    "no gzip": b"no gzip at all",
    "cut": archive({"model.joblib": dumped(1)})[:-40],
    "flipped": archive({"model.joblib": dumped(1)})[:-8] + b"\0\0\0\0" + archive({"model.joblib": dumped(1)})[-4:],
    "no tar": gzip.compress(b"no tar at all" * 100),
    "nothing in it": archive({}),
}


@pytest.mark.parametrize("body", [*ESCAPES.values(), *BROKEN.values()], ids=[*ESCAPES, *BROKEN])
def test_a_bad_archive_leaves_its_version_out_and_the_others_in(
    body: bytes, store: ModelStore, tree: Tree, tmp_path: Path
) -> None:
    tree.upload("risk.churn", "bad", day=8)
    next(tree.home.glob("risk.churn/2026*/bad/artifacts.tar.gz")).write_bytes(body)
    before = sorted(path for path in tmp_path.rglob("*") if "store" not in path.parts)

    done = store.import_from(tree.root)

    assert [(one.origin, one.state) for one in done.versions][-1] == ("risk.churn/bad", "left out")
    assert "archive" in done.versions[-1].why
    assert (done.ok, done.count("imported")) == (False, 2)
    assert sorted(path for path in tmp_path.rglob("*") if "store" not in path.parts) == before
    assert len(list((tmp_path / "store/models/risk.churn/data").iterdir())) == 2


def test_a_bomb_is_not_unfolded(tmp_path: Path) -> None:
    (tmp_path / "bomb.tar.gz").write_bytes(packed((member("zeros"), bytes(8 << 20))))

    with pytest.raises(LeftOut, match="unfolds to more than 1,048,576 bytes"):
        unpack(tmp_path / "bomb.tar.gz", tmp_path / "out", Limits(size=1 << 20))
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= 2 << 20


def test_a_bomb_behind_the_end_or_between_members_is_not_unfolded(tmp_path: Path) -> None:
    plain = gzip.decompress(packed((member("a"), b"x")))
    (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(plain + bytes(8 << 20)))

    with pytest.raises(LeftOut, match="unfolds to more than"):
        unpack(tmp_path / "bomb.tar.gz", tmp_path / "out", Limits(size=1 << 20))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.tar.gz").write_bytes(packed((member("a"), b"x"), pax={"comment": "x" * (4 << 20)}))

    with pytest.raises(LeftOut, match=r"has a header of 4,\d+,\d+ bytes"):
        unpack(tmp_path / "big.tar.gz", tmp_path / "out")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    (tmp_path / "many.tar.gz").write_bytes(archive({str(n): b"" for n in range(11)}))

    with pytest.raises(LeftOut, match="more than 10 members"):
        unpack(tmp_path / "many.tar.gz", tmp_path / "out", Limits(members=10))


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"null", b'{"model": 3, "storage": [], "code": "x"}', b"[" * 100_000, b"\xff\xfe"],
    ids=["empty", "torn", "list", "null", "odd", "deep", "no text"],
)
def test_a_bad_record_leaves_its_version_out_or_with_what_it_says(record: bytes, store: ModelStore, tree: Tree) -> None:
    tree.upload("risk.churn", "bad", day=8)
    (tree.home / "risk.churn/versions/bad.json").write_bytes(record)

    done = store.import_from(tree.root)

    assert {one.origin: one.state for one in done.versions}["risk.churn/a"] == "imported"
    assert {one.origin: one.state for one in done.versions}["risk.churn/bad"] in {"left out", "imported"}


def test_a_record_cannot_name_an_archive_elsewhere(store: ModelStore, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "secret.tar.gz").write_bytes(archive({"model.joblib": b"secret"}))
    record = json.loads((tree.home / "risk.churn/versions/a.json").read_text())
    record["storage"]["path"] = "operatorai-model-store/../../secret.tar.gz"
    (tree.home / "risk.churn/versions/a.json").write_text(json.dumps(record))

    store.import_from(tree.root)

    assert store.load("risk.churn@production").C == 2


def test_what_lies_behind_a_symlink_is_not_there(store: ModelStore, tree: Tree, tmp_path: Path) -> None:
    found = next(tree.home.glob("risk.churn/2026*/a/artifacts.tar.gz"))
    shutil.move(found, tmp_path / "outside.tar.gz")
    found.symlink_to(tmp_path / "outside.tar.gz")

    assert [one.why for one in store.import_from(tree.root).versions if one.state == "left out"] == [
        "it has no archive"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "file:///etc",
        "../../etc",
        "file:///etc/../etc",
        "/etc/passwd",
        "mlflow-artifacts:/../../etc",
        "models:/m/1",
    ],
)
def test_a_registry_cannot_name_files_outside_its_folder(source: str, store: ModelStore, tmp_path: Path) -> None:
    version = tmp_path / "mlruns/models/m/version-1"
    version.mkdir(parents=True)
    (version.parent / "meta.yaml").write_text("name: m\n")
    (version / "meta.yaml").write_text(f"name: m\nversion: 1\nsource: {source}\nstorage_location: {source}\n")

    done = store.import_from(tmp_path)

    assert [(one.origin, one.state) for one in done.versions] == [("models:/m/1", "left out")]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "link").symlink_to("/etc/passwd"),
        lambda folder: os.mkfifo(folder / "pipe"),
        lambda folder: (folder / "MLmodel").write_text("flavors: !!python/object/apply:os.system ['touch evil']"),
    ],
    ids=["link", "pipe", "tagged YAML"],
)
def test_a_version_whose_folder_cannot_be_kept_is_left_out(
    spoil: Callable[[Path], object], store: ModelStore, tmp_path: Path
) -> None:
    artifacts = tmp_path / "mlruns/1" / ("a" * 32) / "artifacts/model"
    version = tmp_path / "mlruns/models/m/version-1"
    artifacts.mkdir(parents=True)
    version.mkdir(parents=True)
    (artifacts / "weights.bin").write_bytes(b"w")
    (version.parent / "meta.yaml").write_text("name: m\n")
    (version / "meta.yaml").write_text(f"name: m\nversion: 1\nsource: /gone/1/{'a' * 32}/artifacts/model\n")
    assert store.import_from(tmp_path, dry_run=True).count("imported") == 1

    spoil(artifacts)

    assert store.import_from(tmp_path).count("left out") == 1
    assert not store.models()


@pytest.mark.parametrize("text", ["{", "- a", "!!python/object/apply:os.system ['true']", "a: &a [*a]", ""])
def test_a_registry_whose_yaml_is_none_is_refused_as_a_whole(text: str, store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "models/m").mkdir(parents=True)
    (tmp_path / "models/m/meta.yaml").write_text(text)

    if text.startswith("a:"):
        assert store.import_from(tmp_path).versions == ()
        return
    with pytest.raises(InvalidInput, match=r"meta\.yaml"):
        store.import_from(tmp_path)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a:b", "a@b", " a ", "a\nb", "x" * 300, "../../etc", "\ud800", "модель", "é", "con"]
)
def test_every_name_becomes_a_name_and_no_two_become_one(name: str) -> None:
    others = ["plain", "a-b", "team.risk", "e\u0301x"]

    made = names_for([name, *others], "")

    assert len(set(made.values())) == 5
    assert names_for([name], "")[name] == made[name]


@pytest.mark.parametrize(
    ("word", "alias"), [("prod", "prod"), ("in test", "in-test"), ("latest", "was-latest"), ("3", "was-3"), ("…", "")]
)
def test_words_become_aliases_where_they_can(word: str, alias: str) -> None:
    assert alias_for(word) == alias


def test_a_file_that_may_not_be_read_is_left_out_and_the_others_are_imported(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/a.joblib").write_bytes(dumped(1))
    (tmp_path / "home/b.joblib").write_bytes(dumped(2))
    opens = Path.open

    def denied(path: Path, *arguments: object, **options: object) -> object:  # tests may run as root, who reads all
        if path.name == "a.joblib":
            raise PermissionError(13, "Permission denied", str(path))
        return opens(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", denied)
    done = store.import_from(tmp_path / "home")

    assert [(one.origin, one.state, one.why) for one in done.versions] == [
        ("a.joblib", "left out", "it cannot be read: Permission denied"),
        ("b.joblib", "imported", ""),
    ]
