import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annoy import AnnoyIndex
from tests.frameworks.support import Stored, answer_elsewhere, differing, store, told

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import Trust, parse_trust, read
from modelstore_core.formats.annoy import AnnoyFormat
from modelstore_core.testing.format_contract import FormatContract

METRICS = ("angular", "dot", "euclidean", "hamming", "manhattan")
WIDE = 70
CODE = "print(json.dumps([model.f, model.get_nns_by_item(0, 5, include_distances=True)]))"


def index(metric: str = "angular", *, items: int = 300, dimension: int = WIDE, bits: bool = False) -> Any:
    made, drawn = AnnoyIndex(dimension, metric), random.Random(0)
    for item in range(items):
        vector = [drawn.gauss(0, 1) for _ in range(dimension)]
        made.add_item(item, [float(one > 0) for one in vector] if bits else vector)
    made.build(4, n_jobs=1)
    return made


def vectors(one: Any) -> list[list[float]]:
    return [one.get_item_vector(item) for item in range(one.get_n_items())]


class TestAnnoy(FormatContract):
    format = AnnoyFormat()
    trust = parse_trust("safe")

    def model(self, scratch: Path) -> object:
        return index()

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left.get_nns_by_item(7, 9, -1, True) == right.get_nns_by_item(7, 9, -1, True))


def load(stored: Stored) -> Callable[[Trust], Any]:
    return lambda trust: read(stored.folder, format="annoy", loads=stored.written.loads, trust=trust)


@pytest.mark.parametrize("metric", METRICS)
def test_a_fresh_process_answers_the_same(metric: str, tmp_path: Path) -> None:
    made = index(metric, bits=metric == "hamming")
    near, far = made.get_nns_by_item(0, 5, include_distances=True)

    stored = store(made, tmp_path / "model")

    assert stored.written.format == "annoy"
    assert answer_elsewhere(stored, CODE, trust="safe") == [WIDE, [near, far]]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("items", "dimension"), [(2, 2), (2, 64), (3, 65), (40, 3), (2000, 5)])
def test_the_metric_is_found_out(metric: str, items: int, dimension: int, tmp_path: Path) -> None:
    for bits in (False, True):
        if not bits or dimension > 5:
            made = index(metric, items=items, dimension=dimension, bits=bits)
            stored = store(made, tmp_path / str(bits))

            assert f'"{metric}"' in (stored.folder / "annoy.json").read_text()
            assert vectors(load(stored)(parse_trust("safe"))) == vectors(made)


def test_numbers_that_no_item_has_do_not_matter(tmp_path: Path) -> None:
    made = AnnoyIndex(3, "manhattan")
    for item in (5, 90_000):
        made.add_item(item, [item, item, -2.0])
    made.build(2)

    loaded = load(store(made, tmp_path / "model"))(parse_trust("safe"))

    assert (loaded.get_n_items(), loaded.get_nns_by_item(5, 3)) == (90_001, [5, 90_000])
    assert loaded.get_distance(5, 90_000) == 2 * 89_995


def test_in_one_dimension_euclidean_and_manhattan_are_one(tmp_path: Path) -> None:
    loaded = load(store(index("manhattan", dimension=1), tmp_path / "model"))(parse_trust("safe"))

    assert loaded.get_nns_by_item(0, 5, -1, True) == index("manhattan", dimension=1).get_nns_by_item(0, 5, -1, True)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_a_metric_that_nothing_shows_is_not_guessed(metric: str, tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match=r"they fit euclidean and manhattan.* as a path, .*`tags`"):
        store(index(metric, items=1), tmp_path / "model")


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_of_nothing_shows_nothing(metric: str, tmp_path: Path) -> None:
    with pytest.raises(NotSerializable, match="fit none"):
        store(index(metric, items=0), tmp_path / "model")


def test_an_index_that_is_not_built_cannot_be_saved(tmp_path: Path) -> None:
    made = AnnoyIndex(2, "dot")
    made.add_item(0, [1, 2])

    with pytest.raises(NotSerializable, match=r"index\.build"):
        store(made, tmp_path / "model")


def test_an_index_built_on_disk_is_saved_once_it_is_loaded(tmp_path: Path) -> None:
    made = AnnoyIndex(2, "dot")
    made.on_disk_build(str(tmp_path / "own.ann"))
    for item in range(9):
        made.add_item(item, [item, 1])
    made.build(2)
    with pytest.raises(NotSerializable, match="on disk"):
        store(made, tmp_path / "model")
    again = AnnoyIndex(2, "dot")
    again.load(str(tmp_path / "own.ann"))

    loaded = load(store(again, tmp_path / "again"))(parse_trust("safe"))

    assert vectors(loaded) == [[item, 1] for item in range(9)]
    assert (tmp_path / "own.ann").stat().st_size > 0


@pytest.mark.parametrize("place", [0, -4, -4 * (3 + WIDE), -4 * (2 + WIDE)])
def test_a_file_that_leads_out_of_itself_is_never_given_to_annoy(place: int, tmp_path: Path) -> None:
    stored = store(index(items=20), tmp_path / "model")
    path = stored.folder / "model.ann"
    content = bytearray(path.read_bytes())
    start = place % len(content)
    content[start : start + 4] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(bytes(content) if place != -4 else bytes(content[:-4]))

    with pytest.raises(Corrupt, match=r"model\.ann"):
        load(stored)(parse_trust("full"))


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    assert told(store(index(), tmp_path / "model"), "annoy") == {"dimension": WIDE, "items": 300, "trees": 4}


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(index, tmp_path) == set()
