"""A search over all models is what each model's own listing says, whoever asks and whatever happened before."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.effort import effort, takes

from modelstore_core import ModelStore, ModelStoreError, ModelVersion
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

pytestmark = takes(5)

_spaces = itertools.count()

names = st.sampled_from(["a", "b.c", "Ünïcode", "d", "e", "f"])
numbers = st.integers(1, 4)
queries = st.sampled_from(
    [None, "metrics.auc > 0.1", "tags.seen = 'yes' OR alias = 'c'", "name != 'a' AND NOT number = 2", "deleted = true"]
)


Act = Callable[[ModelStore, str, int], object]

ACTS: Mapping[str, Act] = {
    "save": lambda s, m, n: s.save({"w": n}, m, format="pickle", metrics={"auc": n / 10}),
    "supersede": lambda s, m, n: s.save({"w": n}, m, format="pickle", key="k", attempt=n),
    "promote": lambda s, m, n: s.promote(f"{m}@{n}", "c"),
    "annotate": lambda s, m, n: s.annotate(f"{m}@{n}", tags={"seen": "yes"}),
    "delete": lambda s, m, n: s.delete(f"{m}@{n}", force=True),
    "restore": lambda s, m, n: s.restore(f"{m}@{n}"),
    "delete model": lambda s, m, _: s.delete_model(m),
    "restore model": lambda s, m, _: s.restore_model(m),
    "rename": lambda s, m, n: s.rename(m, f"{m}.{n}"),
    "maintain": lambda s, *_: s.maintain(),
    "search": lambda s, *_: s.search(),
    "models": lambda s, *_: s.models(),
    "lose the hint": lambda s, m, _: s.storage.delete([f"heads/{m}.json"]),
}
"""Some are more likely, so that there is something to find."""

steps = st.tuples(
    st.integers(0, 2), st.sampled_from([*["save"] * 6, *["annotate"] * 3, "maintain", *ACTS]), names, numbers
)


def one_by_one(store: ModelStore, where: str | None, *, deleted: bool) -> list[ModelVersion]:
    """The versions of each listed model, as the model itself is asked."""
    found: list[ModelVersion] = []
    for model in sorted(store.models(), key=lambda model: model.name):
        found += store.versions(model.name, where=where, deleted=deleted)
    return found


@given(st.lists(steps, max_size=40), queries, st.booleans(), st.integers(1, 7))
@effort(60)
def test_a_search_is_every_models_own_listing(
    done: Sequence[tuple[int, str, str, int]], where: str | None, deleted: bool, limit: int
) -> None:
    """Three handles act in turn, and each remembers what it has seen; a fourth has seen nothing."""
    storage = MemoryStorage(f"searches-{next(_spaces)}")
    handles = [store_over(storage) for _ in range(3)]
    for who, verb, name, number in done:
        with suppress(ModelStoreError):  # there is no such version, or it is deleted: nothing happens
            ACTS[verb](handles[who], name, number)
    expected = one_by_one(store_over(storage), where, deleted=deleted)

    for store in (*handles, store_over(storage)):
        assert [*store.search(where, limit=None, deleted=deleted)] == expected
    page = handles[0].search(where, limit=limit, deleted=deleted)
    found = [*page]
    while page.next_page_token is not None:
        page = handles[0].search(where, limit=limit, deleted=deleted, page_token=page.next_page_token)
        found += page
    assert found == expected
    assert not [problem for problem in handles[0].verify().problems if problem.key.startswith("catalog/")]
