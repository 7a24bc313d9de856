import dagster as dg

from dagster_modelstore.cards import evidence_table, version_metadata
from dagster_modelstore.markdown import markdown_card
from modelstore_core import Finding, ModelStore

HOSTILE = "](javascript:alert(1)) | <script> \x1b[31m `x`\n| row |"


def test_no_text_in_a_card_can_become_markup() -> None:
    version = ModelStore("memory://cards").save(1, "m", tags={"note": HOSTILE}, description="a|b")

    card = markdown_card(version)

    (row,) = [line for line in card.splitlines() if line.startswith("| tags |")]
    assert row == (
        r"| tags | note=\]\(javascript:alert\(1\)\) \| \<script\> "
        "\N{REPLACEMENT CHARACTER}"
        r"\[31m \`x\` \| row \| |"
    )
    assert r"| description | a\|b |" in card


def test_what_is_long_is_shortened() -> None:
    version = ModelStore("memory://cards").save(1, "long", description="x" * 1000)

    assert max(map(len, markdown_card(version).splitlines())) < 350


def test_values_read_as_people_write_them() -> None:
    params = {"fit": True, "penalty": None, "C": 0.1234567, "hidden": [8, 4]}
    version = ModelStore("memory://cards").save(1, "values", params=params)

    assert "| params | C=0.123457, fit=yes, hidden=8, 4, penalty=none |" in markdown_card(version)


def test_only_numbers_can_be_plotted() -> None:
    said = version_metadata(ModelStore("memory://cards").save(1, "numbers"))

    numbers = [key for key, value in said.items() if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)]
    assert numbers == ["modelstore/version", "modelstore/size"]


def test_evidence_shows_what_is_missing() -> None:
    finding = Finding(
        rule="auc >= 1", metric="auc", candidate=None, current=0.123456789, passed=False, message="no auc"
    )

    table = evidence_table([finding, "not a finding"])

    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert record.data == {"rule": "auc >= 1", "candidate": "none", "current": "0.123457", "verdict": "refused"}
