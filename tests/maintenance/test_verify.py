"""What `verify` says of a store: sound, damaged or repairable, with the object, and what to do about it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.maintenance.support import (
    HINT,
    OTHER,
    block,
    check,
    copied,
    edit,
    fill,
    found,
    log,
    memory,
    objects_of,
)

from modelstore_core import InvalidInput, InvalidName, ModelNotFound, ModelStore, StorageUnavailable
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.faults import Fault, FaultyStorage
from modelstore_core.testing.stores import MeanwhileStorage, store_over

Document = dict[str, Any]


def data_keys(storage: MemoryStorage) -> list[str]:
    return sorted(info.key for info in storage.list("models/m/data/"))


def test_a_sound_store_has_nothing_to_be_said_of(storage: MemoryStorage) -> None:
    done = check(storage, read_data=True)

    assert (done.ok, done.problems) == (True, ())
    assert (done.models, done.versions, done.files) == (2, 5, 6)
    assert done.commits == len([key for key in objects_of(storage) if "/log/" in key])
    assert (done.files_read, done.bytes_read) == (6, sum(i.size for i in storage.list("") if "/data/" in i.key))
    assert str(done).endswith("sound")


def test_a_folder_is_verified_like_a_bucket(tmp_path: Path) -> None:
    store = fill(LocalStorage(tmp_path / "store"), tmp_path)

    done = store.verify(read_data=True)

    assert (done.ok, done.problems, done.versions, done.files_read) == (True, (), 5, 6)


def test_the_heads_are_the_sums_of_the_newest_commits(storage: MemoryStorage) -> None:
    newest = max(key for key in objects_of(storage) if key.startswith("models/m/log/"))

    done = check(storage)

    assert set(done.heads) == {"m", OTHER}
    assert done.heads["m"] == hashlib.sha256(storage.get(newest) or b"").hexdigest()


def test_an_empty_store_is_sound() -> None:
    done = check(memory())

    assert (done.ok, done.models, [p.severity for p in done.problems]) == (True, 0, ["note"])


def test_one_model_is_verified_by_itself(storage: MemoryStorage) -> None:
    storage.delete([log(3)])

    assert check(storage, name=OTHER).ok
    assert not check(storage, name="m").ok
    assert list(check(storage, name=OTHER).heads) == [OTHER]


def test_a_model_that_is_not_there_is_not_found(storage: MemoryStorage) -> None:
    with pytest.raises(ModelNotFound):
        check(storage, name="nobody")
    with pytest.raises(InvalidName):
        check(storage, name="a/b")


@pytest.mark.parametrize("share", ["0/3", "4/3", "x", "1/0", "/", "1/3/4", 3])
def test_a_share_that_is_none_is_refused(storage: MemoryStorage, share: object) -> None:
    with pytest.raises(InvalidInput, match="share"):
        check(storage, read_data=share)


@pytest.mark.parametrize(("head", "name"), [("abc", "m"), ("0" * 64, None), (3, "m")])
def test_a_remembered_head_that_is_none_is_refused(storage: MemoryStorage, head: object, name: str | None) -> None:
    with pytest.raises(InvalidInput):
        check(storage, head=head, name=name)


def test_all_shares_together_read_every_file_once(storage: MemoryStorage) -> None:
    parts = [check(storage, read_data=f"{part}/3") for part in (1, 2, 3)]

    assert sum(part.files_read for part in parts) == check(storage, read_data=True).files_read
    assert [part.files_read for part in parts] == [check(storage, read_data=f"{n}/3").files_read for n in (1, 2, 3)]
    assert max(part.files_read for part in parts) < 6


def test_a_remembered_head_proves_that_nothing_before_it_was_changed(storage: MemoryStorage) -> None:
    head = check(storage).heads["m"]
    store_over(storage).annotate("m@1", tags={"later": "yes"})
    assert check(storage, name="m", head=head).ok

    forged = memory()
    fill(forged, _fresh_folder())
    done = check(forged, name="m", head=head)

    assert found(done) == {("damage", "models/m/log/")}
    assert "rewritten" in done.problems[0].fix


def _fresh_folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp())


def changed(name: str, value: object) -> Callable[[Document], Document]:
    return lambda document: {**document, name: value}


def with_state(**values: object) -> Callable[[Document], Document]:
    return lambda document: {**document, "state": {**document["state"], **values}}


def with_op(**values: object) -> Callable[[Document], Document]:
    return lambda d: {**d, "entry": {**d["entry"], "op": {**d["entry"]["op"], **values}}}


WRONG: Mapping[str, tuple[int, Callable[[Document], Document], str]] = {
    "next": (6, with_state(next=9), "`next` is 9, and the log leads to 7"),
    "live": (6, with_state(live=9), "`live` is 9"),
    "newest": (6, with_state(newest=None), "`newest` is None"),
    "aliases": (6, with_state(aliases={}), "the alias 'new' is nothing"),
    "previous": (9, with_op(previous=3), "moves 'champion' from 3"),
    "number": (9, with_op(number=77), "version 77 of log"),
    "record": (9, with_op(record=2), "which does not exist"),
    "prev": (6, changed("prev", "0" * 64), "was not made after log/5"),
    "another model": (6, changed("model", "other"), "of 'other'"),
    "dropped": (12, with_op(dropped=["champion"]), "deletes version"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_commit_that_contradicts_the_log_is_damage_and_says_how(storage: MemoryStorage, wrong: str) -> None:
    seq, change, said = WRONG[wrong]
    edit(storage, log(seq), change)

    done = check(storage, repair=True)

    assert not done.ok
    assert said in str(done)
    assert {key for severity, key in found(done) if severity == "damage"} <= {log(seq - 1), log(seq), log(seq + 1)}


def test_a_changed_entry_is_noticed_by_the_commits_that_repeat_it(storage: MemoryStorage) -> None:
    edit(storage, log(3), with_op(metrics={"auc": 0.9}))

    done = check(storage)

    assert ("damage", log(3)) in found(done)
    assert "repeats the commits before it otherwise" in str(done)


def test_one_damaged_commit_is_one_problem(storage: MemoryStorage) -> None:
    storage.put(log(7), (storage.get(log(7)) or b"")[:-9])

    done = check(storage, read_data=True)

    assert found(done) == {("damage", log(7))}
    assert "stands in a block or in the next commits" in done.problems[0].fix
    assert done.files_read == 6


def test_a_damaged_record_does_not_hide_its_versions_files(storage: MemoryStorage) -> None:
    storage.delete([log(1), block(1)])
    key = next(key for key in data_keys(storage) if "model.pkl" in key)
    storage.put(key, b"other bytes")

    assert {log(1), key} <= {problem.key for problem in check(storage, read_data=True).problems}


def test_what_nobody_can_tell_any_more_stops_no_check_but_those_that_rest_on_it(storage: MemoryStorage) -> None:
    """Commit 5 is too long to be repeated, and its block is gone: its version and its files are known to nobody."""
    store = store_over(storage)
    store.save({"w": 7}, "m", format="pickle", params={f"p{i}": "x" * 40 for i in range(60)})
    seq = int(max(key for key in objects_of(storage) if key.startswith("models/m/log/"))[-25:-5])
    store.annotate("m@7", tags={"a": "b"})
    storage.delete([log(seq)])

    done = check(storage, repair=True)

    assert ("damage", log(seq)) in found(done)
    notes = [problem for problem in done.problems if problem.severity == "note"]
    assert [note.key for note in notes] == ["models/m/data/"]
    assert "Keep them" in notes[0].fix


def test_a_hole_is_damage(storage: MemoryStorage) -> None:
    storage.delete([log(4)])

    assert found(check(storage)) == {("damage", log(4))}


def segment_key(storage: MemoryStorage) -> str:
    return next(key for key in objects_of(storage) if "/segments/" in key and key != INDEX)


INDEX = "models/m/segments/index.json.gz"

DERIVED: Mapping[str, tuple[str, Callable[[MemoryStorage, str], None]]] = {
    "no hint": (HINT, lambda s, key: s.delete([key])),
    "torn hint": (HINT, lambda s, key: s.put(key, b'{"model":"m","no')),
    "hint of another model": (HINT, lambda s, key: edit(s, key, changed("model", "other"))),
    "hint of another commit": (HINT, lambda s, key: edit(s, key, changed("op", "0" * 32))),
    "no block": (block(1), lambda s, key: s.delete([key])),
    "torn block": (block(1), lambda s, key: s.put(key, (s.get(key) or b"")[:1000])),
    "torn index": (INDEX, lambda s, key: s.put(key, (s.get(key) or b"")[:100])),
    "lying block": (block(1), lambda s, key: s.put(key, (s.get(key) or b"").replace(b'"auc":0.2', b'"auc":0.3'))),
}


@pytest.mark.parametrize("kind", DERIVED)
def test_what_follows_from_the_log_is_repaired_if_asked_for(storage: MemoryStorage, kind: str) -> None:
    key, spoil = DERIVED[kind]
    spoil(storage, key)
    before = objects_of(storage)

    looked = check(storage)
    assert (looked.ok, found(looked), objects_of(storage)) == (False, {("repairable", key)}, before)

    done = check(storage, repair=True)
    assert (done.ok, [p.key for p in done.problems if p.repaired]) == (True, [key])
    assert {k: v for k, v in objects_of(storage).items() if k != key} == {k: v for k, v in before.items() if k != key}
    assert check(storage).problems == ()


def test_a_damaged_segment_is_written_anew_with_the_index(storage: MemoryStorage) -> None:
    key = segment_key(storage)
    storage.put(key, (storage.get(key) or b"")[:-1])
    assert found(check(storage)) == {("repairable", key)}

    assert check(storage, repair=True).ok
    assert check(storage).problems == ()


def test_an_index_of_another_log_is_written_anew(storage: MemoryStorage) -> None:
    other = memory()
    fill(other, _fresh_folder())
    storage.put(INDEX, other.get(INDEX) or b"")
    assert found(check(storage)) == {("repairable", INDEX)}

    assert check(storage, repair=True).ok
    assert check(storage).problems == ()


def test_a_store_that_was_never_compacted_lacks_nothing(storage: MemoryStorage) -> None:
    storage.delete([key for key in objects_of(storage) if "/segments/" in key])

    assert check(storage).problems == ()


def test_an_index_that_lags_is_no_problem(storage: MemoryStorage) -> None:
    store_over(storage).annotate("m@1", tags={"later": "yes"})

    assert check(storage).problems == ()


def test_a_repaired_block_has_the_bytes_that_writers_write(storage: MemoryStorage, objects: dict[str, bytes]) -> None:
    storage.delete([block(1)])

    check(storage, repair=True)

    assert storage.get(block(1)) == objects[block(1)]


def test_a_hint_that_lags_is_no_problem(storage: MemoryStorage) -> None:
    first = json.loads(storage.get(log(1)) or b"")["entry"]["op_id"]
    for seq, op_id in ((1, first), (0, "")):
        edit(storage, HINT, changed("seq", seq))
        edit(storage, HINT, changed("op", op_id))
        assert check(storage).problems == ()


def test_a_missing_claim_is_made_again_before_a_retry_works_twice(storage: MemoryStorage) -> None:
    claims = [key for key in objects_of(storage) if "/keys/" in key]
    storage.delete(claims)
    assert found(check(storage)) == {("repairable", key) for key in claims}

    assert check(storage, repair=True).ok
    again = store_over(storage).save({"w": 1}, "m", format="pickle", key="k1")

    assert again.number == 1


def test_a_claim_that_hides_a_commit_is_repaired(storage: MemoryStorage) -> None:
    key = f"models/m/keys/{hashlib.sha256(b'k1').hexdigest()}.json"
    op_id = json.loads(storage.get(log(20)) or b"")["entry"]["op_id"]
    edit(storage, key, lambda d: {**d, "seq": 20, "op": op_id})
    assert found(check(storage)) == {("repairable", key)}

    assert check(storage, repair=True).ok
    assert store_over(storage).save({"w": 1}, "m", format="pickle", key="k1").number == 1


def test_claims_that_count_for_nothing_are_notes(storage: MemoryStorage) -> None:
    key = f"models/m/keys/{hashlib.sha256(b'k2').hexdigest()}.json"
    edit(storage, key, changed("op", "0" * 32))
    nobodys = f"models/m/keys/{'0' * 64}.json"
    storage.put(nobodys, b"torn")

    done = check(storage, repair=True)

    assert (done.ok, found(done)) == (True, {("note", key), ("note", nobodys)})


def test_nothing_is_repaired_where_something_is_damaged(storage: MemoryStorage) -> None:
    storage.delete([HINT, block(1), log(4)])
    before = objects_of(storage)

    done = check(storage, repair=True)

    assert objects_of(storage) == before
    assert not any(problem.repaired for problem in done.problems)


def test_a_lost_end_of_the_log_is_damage(storage: MemoryStorage) -> None:
    store_over(storage).annotate("m@1", tags={"last": "words"})
    storage.delete([max(key for key in objects_of(storage) if key.startswith("models/m/log/"))])

    done = check(storage, repair=True)

    assert found(done) == {("damage", HINT)}
    assert "was not copied" in done.problems[0].fix


def test_a_lost_log_is_damage(storage: MemoryStorage) -> None:
    storage.delete([key for key in objects_of(storage) if key.startswith("models/m/log/")])

    done = check(storage, repair=True)

    assert {("damage", HINT), ("damage", block(1))} <= found(done)
    assert done.models == 1


def test_missing_and_resized_files_are_damage_that_names_them(storage: MemoryStorage) -> None:
    gone, resized = (key for key in data_keys(storage) if key.endswith((".bin", "a.txt")))
    storage.delete([gone])
    storage.put(resized, (storage.get(resized) or b"") + b"!")

    done = check(storage)

    assert found(done) == {("damage", gone), ("damage", resized)}
    assert all("sha256 was" in problem.fix for problem in done.problems)
    assert done.files == 4


def test_a_file_of_other_bytes_is_found_by_reading_it(storage: MemoryStorage) -> None:
    key = next(key for key in data_keys(storage) if key.endswith("c.txt"))
    storage.put(key, (storage.get(key) or b"").swapcase())

    assert check(storage).ok
    assert found(check(storage, read_data=True)) == {("damage", key)}


def test_what_is_nobodys_is_noted_and_left_alone(storage: MemoryStorage) -> None:
    strangers = ["notes.txt", "models/m/readme.md", "heads/NOTES", "self-test/1/0", f"models/m/data/{'7' * 32}/x"]
    own = next(key for key in data_keys(storage) if key.endswith("a.txt")).removesuffix("a.txt") + "mine.txt"
    for key in (*strangers, own):
        storage.put(key, b"ours")
    before = objects_of(storage)

    done = check(storage, repair=True)

    assert done.ok
    assert {problem.severity for problem in done.problems} == {"note"}
    expected = {"notes.txt", "models/m/readme.md", "heads/NOTES", "self-test/1/", "models/m/data/", own}
    assert {problem.key for problem in done.problems} == expected
    assert objects_of(storage) == before


def test_a_store_document_that_nobody_can_write_under_is_damage(storage: MemoryStorage) -> None:
    storage.put("store.json", b"{}")

    assert found(check(storage, repair=True)) == {("damage", "store.json")}


def test_a_store_of_a_later_release_is_not_repaired(storage: MemoryStorage) -> None:
    edit(storage, "store.json", changed("format", 2))
    storage.delete([HINT])

    done = check(storage, repair=True)

    assert found(done) == {("damage", "store.json"), ("repairable", HINT)}
    assert "Upgrade" in str(done)


def test_what_others_write_meanwhile_is_never_taken_for_a_loss(storage: MemoryStorage) -> None:
    """Somebody saves, deletes and collects just before each operation of the check, one operation after another."""
    calls = CountingStorage(storage)
    check(calls)
    for nth in range(1, len(calls.requests) + 1):
        trial = copied(objects_of(storage))

        def act(trial: MemoryStorage = trial) -> None:
            other = store_over(trial)
            other.save({"w": 50}, "m", format="pickle", key="of another")
            other.delete("m@4")
            other.collect("m", older_than=0)

        meanwhile = _AnyMoment(trial, act, nth)
        done = store_over(meanwhile).verify(read_data=True)

        assert [problem for problem in done.problems if problem.severity != "note"] == [], nth


class _AnyMoment(MeanwhileStorage):
    """Lets somebody act before the nth operation, whichever it is."""

    def __init__(self, inner: MemoryStorage, act: Callable[[], object], nth: int) -> None:
        super().__init__(inner, act, verb="get", nth=nth)
        self._left = nth
        self._act = act

    def _tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()

    def get(self, key: str) -> bytes | None:
        self._tick()
        return self.inner.get(key)

    def list(self, prefix: str) -> Any:
        self._tick()
        return self.inner.list(prefix)


def test_an_unavailable_storage_is_an_error_and_no_damage(storage: MemoryStorage) -> None:
    broken = FaultyStorage(storage, script=lambda verb, key, _: Fault("error") if "/log/" in key else None)

    with pytest.raises(StorageUnavailable):
        store_over(broken).verify()


def test_the_quick_check_asks_one_request_for_each_small_object(storage: MemoryStorage) -> None:
    counting = CountingStorage(storage)
    store_over(counting).verify()

    small = [key for key in objects_of(storage) if "/data/" not in key]
    reads = sorted(request.key for request in counting.requests if request.verb == "get")
    assert set(reads) == set(small)
    blocks_twice = [key for key in small if "/blocks/" in key or key.endswith(f"{33:020}.json")]
    assert len(reads) <= len(small) + len(blocks_twice) + len([key for key in small if "/log/" in key]) % 32
    assert len([r for r in counting.requests if r.verb == "list"]) == 1 + 5 * 2


def test_a_link_in_the_place_of_a_commit_is_damage(tmp_path: Path) -> None:
    store = fill(LocalStorage(tmp_path / "store"), tmp_path)
    path = tmp_path / "store" / log(3)
    path.unlink()
    path.symlink_to(tmp_path / "store" / log(2))

    done = ModelStore(tmp_path / "store").verify()

    assert found(done) == {("damage", log(3))}
    assert store.url == str(tmp_path / "store")


def test_a_thousand_problems_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    storage, folder = memory(), tmp_path / "many"
    folder.mkdir()
    for number in range(600):
        (folder / f"{number}.bin").write_bytes(b"x")
    for _ in range(3):
        store_over(storage).save(folder, "m")
    storage.delete(data_keys(storage))

    done = check(storage, read_data=True)

    assert (done.count("damage"), done.ok) == (1000, False)
    assert [p.what for p in done.problems if p.severity == "note"] == ["201 problems more."]


def test_files_are_read_in_batches_of_any_number(storage: MemoryStorage, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.bin").write_bytes(bytes([number]))
    saved = store_over(storage).save(folder, "m")
    spoiled = f"models/m/data/{saved.url.rpartition('/')[2]}/39.bin"
    storage.put(spoiled, b"?")

    done = check(storage, read_data=True)

    assert (done.files_read, found(done)) == (46, {("damage", spoiled)})


def test_a_file_that_cannot_be_read_is_damage_and_the_others_are_read(tmp_path: Path) -> None:
    """A folder in the place of a file, as it comes in between listing and reading; a disk that fails looks like it."""
    store = fill(LocalStorage(tmp_path / "store"), tmp_path)
    path = next((tmp_path / "store").glob("models/m/data/*/a.txt"))

    class Failing(LocalStorage):
        def list(self, prefix: str) -> Any:
            infos = [*super().list(prefix)]
            if "/data/" in prefix and path.is_file():
                path.unlink()
                path.symlink_to("elsewhere") if link else path.mkdir()
            return iter(infos)

    for link in (False, True):
        done = store_over(Failing(tmp_path / "store")).verify("m", read_data=True)
        assert [problem.key.rpartition("/")[2] for problem in done.problems] == ["a.txt"]
        assert done.files_read == 4
        path.unlink() if link else path.rmdir()
        path.write_text("text of a.txt")
    assert store.verify(read_data=True).ok


def test_a_version_that_is_purged_while_its_files_are_read_is_no_loss(storage: MemoryStorage) -> None:
    gone = next(v for v in store_over(storage).versions("m") if v.number == 6)

    def collect() -> None:
        store_over(storage).delete("m@6")
        store_over(storage).collect("m", older_than=0)

    meanwhile = MeanwhileStorage(storage, collect, verb="fetch", key=gone.url.rpartition("/")[2])

    assert store_over(meanwhile).verify(read_data=True).ok
    assert meanwhile.acted


def test_a_report_is_a_table_too(storage: MemoryStorage) -> None:
    storage.delete([HINT])
    done = check(storage)

    assert done.problems.rows()[0]["severity"] == "repairable"
    assert "<table>" in done._repr_html_()
    assert check(storage, repair=True).problems.rows()[0]["severity"] == "repaired"
