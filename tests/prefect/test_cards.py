import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstore_core import ModelStore, ModelVersion
from prefect_modelstore.cards import artifact_key, comparison_card, history_card, markdown_card, version_rows

_ESCAPE = re.compile(r"--|-d|-u|-s|-c([a-z])|((?:-x[0-9a-f]{2})+)|([a-z0-9])")
_WORDS = {"--": ".", "-d": "-", "-u": "_", "-s": " "}


def name_of(key: str, kind: str) -> str:
    """The name that a key was made from, read back from what the docstring of `artifact_key` says."""
    name = ""
    for match in _ESCAPE.finditer(key.removeprefix(f"{kind}-")):
        capital, octets, plain = match.groups()
        if octets:
            name += bytes.fromhex(octets.replace("-x", "")).decode()
        else:
            name += capital.upper() if capital else plain or _WORDS[match[0]]
    return name


@pytest.fixture
def version(store: ModelStore) -> ModelVersion:
    return store.save({"a": 1}, "risk.churn", metrics={"auc": 0.93}, tags={"team": "risk"}, description="First.")


# Prefect's connections draw from the global random state in threads of their own, and Hypothesis blames the strategy.
@pytest.mark.filterwarnings("ignore:Do not use the .random. module:hypothesis.errors.HypothesisDeprecationWarning")
@given(st.text(min_size=1))
def test_every_name_has_a_key_that_prefect_takes_and_that_gives_the_name_back(name: str) -> None:
    key = artifact_key("model", name)

    assert re.fullmatch("[a-z0-9-]+", key)
    assert name_of(key, "model") == name


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("risk.churn", "model-risk--churn"),
        ("a-b_c d", "model-a-db-uc-sd"),
        ("Ab", "model--cab"),
        ("é", "model--xc3-xa9"),
    ],
)
def test_keys_of_usual_names_can_be_read(name: str, key: str) -> None:
    assert artifact_key("model", name) == key


def test_a_card_says_what_the_version_is(version: ModelVersion) -> None:
    card = markdown_card(version)

    assert card.startswith("# risk.churn\\@1\n\nFirst.\n")
    assert "| auc | 0.93 |" in card
    assert "| tags | team=risk |" in card


@pytest.mark.parametrize(
    "hostile", ["<img src=x onerror=alert(1)>", "a|b\nc", "[x](javascript:alert(1))", "`|`", "\x1b[0m"]
)
def test_no_text_becomes_markup_or_breaks_the_table(version: ModelVersion, hostile: str) -> None:
    lines = markdown_card(replace(version, tags={"t": hostile}, description=hostile)).splitlines()

    assert not re.search(r"(?<!\\)[<>`\[\]]", "\n".join(lines))
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines if line.startswith("|"))
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/ (y)", "http://x)[z](javascript:1", 7])
def test_only_a_plain_address_becomes_a_link(version: ModelVersion, url: str | int) -> None:
    assert "](" not in markdown_card(replace(version, lineage={"url": url}))


def test_a_card_links_to_the_run_that_saved_the_version(version: ModelVersion) -> None:
    card = markdown_card(replace(version, lineage={"url": "http://127.0.0.1:4200/runs/flow-run/1-a"}))

    assert "[The run that saved it](http://127.0.0.1:4200/runs/flow-run/1-a)" in card
    assert card.count("127") == 1


def test_a_comparison_leaves_out_what_always_differs(store: ModelStore) -> None:
    for number in (1, 2):
        lineage = {"run_id": f"id-{number}", "url": f"http://x/{number}", "commit": f"c{number}"}
        store.save({"a": number}, "risk.churn", metrics={"auc": number / 2}, lineage=lineage)
    asked = store.request_approval("risk.churn@2", "champion")

    card = comparison_card(store.compare("risk.churn@1", "risk.churn@2"), asked)

    assert "| metrics.auc | 0.5 | 1 | +0.5 |" in card.replace("\\", "")
    assert "| lineage.commit | c1 | c2 |" in card.replace("\\", "")
    assert "id-1" not in card.replace("\\", "")
    assert "http" not in card


def test_a_history_says_which_dots_are_which_aliases(store: ModelStore) -> None:
    store.save({"a": 1}, "risk.churn", aliases=["champion"])
    without = store.save({"a": 1}, "risk.fraud")

    card = history_card(store.versions("risk.churn"), "data:x")

    assert "![The metrics, version by version](data:x)" in card
    assert "Large dots: champion is 1." in card
    assert "dots" not in history_card([without], "data:x")


def test_rows_have_the_same_columns_whatever_metrics_a_version_has(store: ModelStore, version: ModelVersion) -> None:
    store.save({"a": 2}, "risk.churn", metrics={"by": 1.5}, aliases=["champion"])

    newest, oldest = version_rows(store.versions("risk.churn"))

    assert list(newest) == list(oldest)
    assert (newest["version"], newest["aliases"], newest["metrics.by"], newest["metrics.auc"]) == (
        "2",
        "champion",
        "1.5",
        "",
    )
    assert (oldest["metrics.auc"], oldest["by"]) == ("0.93", version.created_by)
