"""The format keeps every promise of the protocol: 12 tests that come with the package, and one of our own."""

from pathlib import Path
from typing import Any

import pytest
from thresholds import Thresholds
from thresholds_format import ThresholdsFormat

from modelstore_core.errors import Corrupt
from modelstore_core.formats import parse_trust
from modelstore_core.testing.format_contract import FormatContract

ROWS = {"age": [10.0, 70.0], "income": [5.0, 1.0]}


class TestThresholds(FormatContract):
    format = ThresholdsFormat()

    def model(self, scratch: Path) -> object:
        return Thresholds({"age": 65.0, "income": 2.5})

    def equal(self, left: Any, right: Any) -> bool:
        return bool((left.predict(ROWS) == right.predict(ROWS)).all())


@pytest.mark.parametrize("text", ["", "[]", '{"age": "old"}', '{"age": null}'])
def test_a_broken_file_is_corrupt(text: str, tmp_path: Path) -> None:
    (tmp_path / "thresholds.json").write_text(text)

    with pytest.raises(Corrupt, match="no limits"):
        ThresholdsFormat().load(tmp_path, ("thresholds.json",), parse_trust("safe"))
