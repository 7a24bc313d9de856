"""Whatever lies where the store's objects should lie: `verify` explains it, never fails, and makes nothing worse."""

import functools
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.maintenance.support import check, copied, fill, found, log, memory, objects_of
from tests.properties import strategies as some
from tests.properties.effort import effort


@functools.cache
def sample() -> dict[str, bytes]:
    storage = memory()
    fill(storage, Path(mkdtemp()))
    return objects_of(storage)


@given(st.data())
@effort(150)
def test_anything_may_stand_in_the_place_of_any_object(data: st.DataObject) -> None:
    keys = sorted(key for key in sample() if not key.endswith((".gz", ".pkl", ".bin", ".txt")))
    changed = {}
    for key in data.draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3, unique=True)):
        changed[key] = data.draw(some.mangled(sample()[key]))
    storage = copied({**sample(), **changed})

    done = check(storage, read_data=True, repair=True)

    kept = {key for key in sample() if "/log/" in key or "/data/" in key or key == "store.json"}
    assert {key: storage.get(key) for key in kept} == {key: {**sample(), **changed}[key] for key in kept}
    if done.ok:
        assert found(check(storage)) <= found(done)


@given(st.binary(max_size=300))
@effort(50)
def test_anything_may_stand_in_the_place_of_the_index(raw: bytes) -> None:
    storage = copied({**sample(), "models/m/segments/index.json.gz": raw})

    assert check(storage, repair=True).ok
    assert check(storage).problems == ()


@pytest.mark.parametrize("seq", [0, 5000, 10**19, 10**20 - 1])
def test_a_commit_far_from_the_others_is_one_problem_and_no_long_search(seq: int) -> None:
    storage = copied({**sample(), log(seq): sample()[log(3)]})

    done = check(storage)

    assert [problem.key for problem in done.problems] == [log(seq)]
    assert done.ok == (seq == 0)
