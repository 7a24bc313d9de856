import json
import struct
from pathlib import Path

import pytest

from modelstore_core.errors import Corrupt, MissingExtra
from modelstore_core.formats import read
from modelstore_core.formats.annoy import AnnoyFormat
from modelstore_core.formats.annoy_files import WIDEST, Shape
from modelstore_core.formats.survey import survey
from modelstore_core.formats.trust import FULL, LISTED, SAFE

LOADS = ("annoy.json", "model.ann")
ABOUT = {"dimension": 2, "metric": "angular"}
# Nodes of five words: how many items are below, which (up to four of them fit), and over these the vector.
ITEMS = [(1, 0, 0, 1.0, 0.0), (1, 0, 0, 0.0, 1.0)]
ROOT = (2, 0, 1, 0.0, 0.0)
DEEP = [(5, 5, 0, 0.0, 0.0), (5, 5, 6, 0.0, 0.0)]
FIVE = [*ITEMS, *ITEMS, ITEMS[0], (4, 1, 2, 3, 4)]


def packed(*nodes: tuple[float, ...]) -> bytes:
    return b"".join(struct.pack("=3i", *node[:3]) + b"".join(map(_word, node[3:])) for node in nodes)


def _word(value: float) -> bytes:
    return struct.pack("=i" if isinstance(value, int) else "=f", value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "annoy.json").write_text(json.dumps(ABOUT))
    (tmp_path / "model.ann").write_bytes(packed(*ITEMS, ROOT, ROOT))
    return tmp_path


def test_an_index_is_allowed_by_every_policy_and_says_what_it_needs(folder: Path) -> None:
    for trust in (SAFE, LISTED, FULL):
        AnnoyFormat().check(folder, LOADS, trust)

    with pytest.raises(MissingExtra, match="pip install annoy"):
        read(folder, format="annoy", loads=LOADS, trust=SAFE)


def test_trees_of_several_nodes_and_numbers_that_no_item_has_are_an_index(folder: Path) -> None:
    gap = (0, 0, 0, 0.0, 0.0)
    for nodes in ([*FIVE, *DEEP[:1], *DEEP[:1]], [*FIVE, *DEEP], [gap, ITEMS[0], (2, 1, 0, 0.0, 0.0)]):
        (folder / "model.ann").write_bytes(packed(*nodes))

        AnnoyFormat().check(folder, LOADS, SAFE)


HOSTILE = {
    "nothing": b"",
    "half a node": packed(*ITEMS, ROOT)[:-4],
    "more items than nodes": packed(*ITEMS, (1000, 0, 1, 0.0, 0.0)),
    "as many items as nodes": packed(ITEMS[0], (2, 0, 1, 0.0, 0.0)),
    "no items": packed(*ITEMS, (0, 0, 1, 0.0, 0.0)),
    "fewer than no items": packed(*ITEMS, (-1, 0, 1, 0.0, 0.0)),
    "an item with a tree below it": packed((3, 0, 0, 1.0, 0.0), ITEMS[1], ROOT),
    "a list that leads out": packed(*ITEMS, (2, 0, 1 << 30, 0.0, 0.0)),
    "a list that leads out before the file": packed(*ITEMS, (2, -1, 1, 0.0, 0.0)),
    "a list that leads to a tree": packed(*ITEMS, (2, 2, 1, 0.0, 0.0)),
    "a list of none": packed(*ITEMS, (0, 0, 1, 0.0, 0.0), ROOT),
    "a list of fewer than none": packed(*ITEMS, (-(1 << 31), 0, 1, 0.0, 0.0), ROOT),
    "a tree that leads out": packed(*FIVE, (5, 5, 1 << 30, 0.0, 0.0)),
    "a tree that leads out before the file": packed(*FIVE, (5, -7, 0, 0.0, 0.0)),
    "a tree that leads to itself": packed(*FIVE, (5, 5, 6, 0.0, 0.0)),
    "a pickle": b"\x80\x05cos\nsystem\n.".ljust(20, b"\x00"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_leads_out_of_itself_is_corrupt_before_annoy_has_it(what: str, folder: Path) -> None:
    (folder / "model.ann").write_bytes(HOSTILE[what])

    for trust in (SAFE, FULL):
        with pytest.raises(Corrupt, match=r"'model\.ann' is no angular index of 2 dimensions"):
            read(folder, format="annoy", loads=LOADS, trust=trust)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"dimension": 2}',
        '{"dimension": 2, "metric": "evil"}',
        '{"dimension": 0, "metric": "dot"}',
        '{"dimension": "2", "metric": "dot"}',
        json.dumps({"dimension": WIDEST + 1, "metric": "dot"}),
    ],
)
def test_a_dimension_and_a_metric_that_are_none_are_corrupt(text: str, folder: Path) -> None:
    (folder / "annoy.json").write_text(text)

    with pytest.raises(Corrupt, match=r"annoy\.json"):
        read(folder, format="annoy", loads=LOADS, trust=FULL)


def test_each_metric_has_its_own_nodes(folder: Path) -> None:
    path = folder / "model.ann"

    fit = [metric for metric in ("angular", "dot", "hamming") if Shape(2, metric).problem(path) is None]

    assert fit == ["angular"]


@pytest.mark.parametrize(
    ("low", "high", "fits"), [(0, 0, True), (63, 0, True), (64, 0, False), (-1, 0, False), (0, 1, False)]
)
def test_a_tree_over_bits_asks_for_none_that_is_not_there(low: int, high: int, fits: bool, tmp_path: Path) -> None:
    items = [(1, 0, 0, 0, item, 0) for item in range(6)]
    (tmp_path / "annoy.json").write_text('{"dimension": 2, "metric": "hamming"}')
    (tmp_path / "model.ann").write_bytes(packed(*items, (5, 0, 1, 2, 3, 4), (6, 6, 5, 0, low, high)))

    problem = Shape(2, "hamming").problem(tmp_path / "model.ann")

    assert problem == (None if fits else "its node 7 asks for a bit that no vector has")


def test_who_looks_without_loading_hears_that_it_does_not_load(folder: Path) -> None:
    sizes = {name: (folder / name).stat().st_size for name in LOADS}
    assert survey(folder, format="annoy", loads=LOADS, sizes=sizes, trust=SAFE).risks == ()

    (folder / "model.ann").write_bytes(HOSTILE["no items"])
    found = survey(folder, format="annoy", loads=LOADS, sizes=sizes, trust=SAFE)

    assert found.refusal is None
    assert any("is no angular index" in risk for risk in found.risks)
