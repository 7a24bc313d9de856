"""Every listing as a data frame with typed columns, also where values are missing or nothing is listed."""

import math
import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from tests.core.records import ROWS, sample
from tests.search.records import version

from modelstore_core import Diagnosis, Feed, MissingExtra, ModelVersion, Records, Verification
from modelstore_core.model.frames import kind_of

DTYPES = {
    "text": "string",
    "int": "Int64",
    "float": "float64",
    "metric": "float64",
    "time": "datetime64[ns, UTC]",
    "flag": "boolean",
}


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_every_record_types_its_columns(kind: Any) -> None:
    full = Records([sample(kind, "text")])
    frame = full.to_pandas()

    kinds = {column: kind_of(column, kind.COLUMNS) for column in full.columns()}
    assert "text" in kinds.values()
    assert {c: str(frame[c].dtype) for c in full.columns() if kinds[c] not in {"json", "metric"}} == {
        column: DTYPES[one] for column, one in kinds.items() if one not in {"json", "metric"}
    }
    fixed = {name for name in kind.COLUMNS if not name.endswith(".*")}
    assert fixed <= set(full.rows()[0])
    assert set(full.rows()[0]) - fixed <= {c for c in full.columns() if f"{c.partition('.')[0]}.*" in kind.COLUMNS}


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_a_listing_of_nothing_has_the_same_columns_and_types(kind: Any) -> None:
    frame = Records((), kind).to_pandas()

    assert len(frame) == 0
    fixed = {name: one for name, one in kind.COLUMNS.items() if not name.endswith(".*")}
    assert {column: str(frame[column].dtype) for column in frame} == {
        name: DTYPES.get(one, "object") for name, one in fixed.items()
    }


def test_what_is_missing_is_na_and_the_columns_stand_beside_their_like() -> None:
    frame = Records(
        [
            version(1, metrics={"auc": 0.5, "rows": 10}, params={"depth": 3, "warm": True}, tags={"team": "risk"}),
            version(2, metrics={"loss": math.nan, "rows": 2}, params={"C": 0.1, "solver": "lbfgs"}, key="k"),
        ]
    ).to_pandas()

    assert list(frame)[3:8] == ["metrics.auc", "metrics.rows", "metrics.loss", "created_at", "created_by"]
    assert {c: str(frame[c].dtype) for c in list(frame)[3:6] + list(frame)[8:13]} == {
        "metrics.auc": "float64",
        "metrics.rows": "Int64",
        "metrics.loss": "float64",
        "tags.team": "string",
        "params.depth": "Int64",
        "params.warm": "boolean",
        "params.C": "float64",
        "params.solver": "string",
    }
    assert frame["tags.team"][1] is frame["key"][0] is frame["superseded_by"][0] is frame["params.depth"][1] is pd.NA
    assert math.isnan(frame["metrics.auc"][1])
    assert frame["created_at"][0] == pd.Timestamp("2026-03-01", tz="UTC")
    assert list(frame[frame["tags.team"] == "risk"]["number"]) == [1]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2], "Int64"),
        ([1, None], "Int64"),
        ([1, 2.5], "float64"),
        ([True, None], "boolean"),
        ([True, 1], "object"),
        (["a", None], "string"),
        (["a", 1], "object"),
        ([[1], {"a": 2}], "object"),
        ([None, None], "object"),
        ([2**63, 1], "float64"),
        ([10**400, 1], "object"),
    ],
)
def test_params_have_the_type_that_fits_all(values: list[Any], dtype: str) -> None:
    frame = Records([version(n, params={"p": value}) for n, value in enumerate(values, 1)]).to_pandas()

    assert str(frame["params.p"].dtype) == dtype


def test_odd_texts_and_times_make_a_frame_all_the_same() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    frame = Records([version(1, tags={"t": "\ud800"}, created_at=last, size=2**70, metrics={"m": 2**70})]).to_pandas()

    assert frame["created_at"][0].to_pydatetime() == last
    assert frame["size"][0] == frame["metrics.m"][0] == float(2**70)
    assert frame["tags.t"][0] == "\ud800"


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingExtra, match=r'pip install "modelstore-pipelines\[pandas\]"'):
        Records((), ModelVersion).to_pandas()


def test_reports_and_feeds_are_frames_too() -> None:
    for report in (sample(Verification), sample(Diagnosis), sample(Feed)):
        assert len(report.to_pandas()) == 1


def test_a_frame_of_many_versions_is_made_column_by_column() -> None:
    frame = Records([version(n, metrics={"auc": n / 10}) for n in range(1, 2001)]).to_pandas()

    assert frame["metrics.auc"].sum() == pytest.approx(200_100)
    assert list(frame.index[:2]) == [0, 1]
    assert list(Records((), ModelVersion).to_pandas().columns)[:2] == ["name", "number"]
