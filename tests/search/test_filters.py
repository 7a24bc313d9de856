"""What a filter finds."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.search.records import version

from modelstore_core.search.fields import VERSION
from modelstore_core.search.parser import parse


def holds(text: str, **fields: Any) -> bool | None:
    return parse(text, VERSION).holds(version(**fields))


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("metrics.auc > 0.9", {"metrics": {"auc": 0.91}}, True),
        ("metrics.auc > 0.9", {"metrics": {"auc": 0.9}}, False),
        ("metrics.auc >= .9", {"metrics": {"auc": 0.9}}, True),
        ("metrics.auc > 1e-3", {"metrics": {"auc": 0.1}}, True),
        ("metrics.auc = -1", {"metrics": {"auc": -1.0}}, True),
        ("metrics.`f1 score` < 1", {"metrics": {"f1 score": 0.5}}, True),
        ('metrics."f1 score" < 1', {"metrics": {"f1 score": 0.5}}, True),
        ("metrics.auc.val > 0", {"metrics": {"auc.val": 0.5}}, True),
        ("metrics.at-5 > 0", {"metrics": {"at-5": 0.5}}, True),
        ("metrics.auc > 0", {"metrics": {"auc": float("nan")}}, False),
        ("params.C = 0.1", {"params": {"C": 0.1}}, True),
        ("params.C = '0.1'", {"params": {"C": 0.1}}, True),
        ("params.depth > 3", {"params": {"depth": "5"}}, True),
        ("params.warm = true", {"params": {"warm": True}}, True),
        ("params.warm = 1", {"params": {"warm": True}}, None),
        ("params.kernel LIKE 'rb%'", {"params": {"kernel": "rbf"}}, True),
        ("tags.team = 'risk'", {"tags": {"team": "risk"}}, True),
        ("tag.team != 'risk'", {"tags": {"team": "ads"}}, True),
        ("tags.rows > 100", {"tags": {"rows": "1000"}}, True),
        ("tags.rows > 100", {"tags": {"rows": "many"}}, None),
        ("tags.rows > 100", {"tags": {"rows": "nan"}}, None),
        ("tags.rows > 100", {"tags": {"rows": "1_000"}}, None),
        ("tags.rows = 1e3", {"tags": {"rows": "1000"}}, True),
        ("tags.rows IN (10, 1000)", {"tags": {"rows": "1000.0"}}, True),
        ("tags.'odd key' = 'x'", {"tags": {"odd key": "x"}}, True),
        ('lineage.git.`a key`."b.c" = 1', {"lineage": {"git": {"a key": {"b.c": 1}}}}, True),
        ("tags.team IN ('risk', 'ads')", {"tags": {"team": "ads"}}, True),
        ("tags.team IN ('ads',)", {"tags": {"team": "ads"}}, True),
        ("tags.team NOT IN ('risk', 'ads')", {"tags": {"team": "ads"}}, False),
        ("name = 'risk.churn'", {}, True),
        ("attributes.name = 'risk.churn'", {}, True),
        ("name LIKE 'risk%'", {}, True),
        ("name LIKE 'Risk%'", {}, False),
        ("name ILIKE 'Risk%'", {}, True),
        ("name LIKE 'risk_churn'", {}, True),
        ("name LIKE 'risk'", {}, False),
        ("name NOT LIKE 'x%'", {}, True),
        ("version_number >= 3", {"number": 3}, True),
        ("version = '3'", {"number": 3}, True),
        ("number IN (1, 3)", {"number": 3}, True),
        ("alias = 'champion'", {"aliases": ("candidate", "champion")}, True),
        ("alias != 'champion'", {"aliases": ("candidate",)}, True),
        ("alias != 'champion'", {"aliases": ("candidate", "champion")}, False),
        ("alias != 'champion'", {}, True),
        ("NOT alias = 'champion'", {}, True),
        ("alias IN ('a', 'b')", {"aliases": ("b", "c")}, True),
        ("alias NOT IN ('a', 'b')", {}, True),
        ("alias LIKE 'c%'", {"aliases": ("x", "candidate")}, True),
        ("format = 'sklearn'", {}, True),
        ("created_by = 'ada'", {}, True),
        ("created_at > '2026-03-01'", {"created_at": datetime(2026, 3, 1, 1, tzinfo=UTC)}, True),
        ("created_at < '2026-03-01T01:00:00+02:00'", {"created_at": datetime(2026, 2, 28, 22, tzinfo=UTC)}, True),
        ("creation_timestamp = 1772323200000", {"created_at": datetime(2026, 3, 1, tzinfo=UTC)}, True),
        ("lineage.git.commit LIKE 'ab%'", {"lineage": {"git": {"commit": "abc"}}}, True),
        ("lineage.rows >= 10", {"lineage": {"rows": 10}}, True),
        ("run_id = 'r1'", {"lineage": {"run_id": "r1"}}, True),
        ("digest LIKE 'sha256:%'", {}, True),
        ("deleted = false", {}, True),
        ("deleted = true OR purged = true", {"deleted": True}, True),
        ("size <> 10", {}, False),
        ("description = 'it''s'", {"description": "it's"}, True),
        ("description = \"say 'so'\"", {"description": "say 'so'"}, True),
    ],
)
def test_a_comparison_finds_what_it_says(text: str, fields: dict[str, Any], expected: bool | None) -> None:
    assert holds(text, **fields) is expected


@pytest.mark.parametrize(
    "text",
    [
        "tags.team = 'risk'",
        "tags.team != 'risk'",
        "NOT tags.team = 'risk'",
        "tags.team IN ('risk')",
        "tags.team NOT IN ('risk')",
        "tags.team NOT LIKE 'x%'",
        "metrics.auc < 1",
        "params.C IN (1, 2)",
        "lineage.git.commit = 'abc'",
        "key != 'x'",
    ],
)
def test_what_is_not_there_makes_a_comparison_unknown(text: str) -> None:
    assert holds(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tags.team IS NULL", True),
        ("tags.team IS NOT NULL", False),
        ("alias is null", True),
        ("metrics.auc IS NULL OR metrics.auc > 0.9", True),
        ("metrics.auc > 0.9 AND number = 1", None),
        ("metrics.auc > 0.9 AND number = 2", False),
        ("metrics.auc > 0.9 OR number = 1", True),
        ("NOT (number = 1 AND name = 'x')", True),
        ("NOT number = 1 OR number = 1", True),
        ("number = 1 OR number = 2 AND name = 'x'", True),
        ("(number = 1 OR number = 2) AND name = 'x'", False),
        ("not not number = 1", True),
    ],
)
def test_and_or_not_and_null_follow_the_logic_of_three_values(text: str, expected: bool | None) -> None:
    assert holds(text) is expected


def test_a_condition_knows_its_fields() -> None:
    condition = parse("NOT (alias = 'a' OR deleted = true) AND metrics.auc IN (1, 2) AND key IS NULL", VERSION)

    assert condition.fields() == {"alias", "deleted", "metrics.auc", "key"}
