"""`mstore search`, and what `ls` lists of what holds."""

import pytest
from tests.cli.commands import Run


@pytest.fixture
def three(mstore: Run, risk: str) -> str:
    """Another model beside the one that has two versions."""
    mstore("save", "fraud.cards", "old.bin", "--metric", "auc=.91", "--alias", "champion")
    return risk


def refs(document: list[dict[str, object]]) -> list[object]:
    return [version["ref"] for version in document]


def test_a_search_lists_versions_of_all_models(mstore: Run, three: str) -> None:
    done = mstore("search", "metrics.auc > .9", "--order-by", "metrics.auc DESC", "--json")

    assert refs(done.document["versions"]) == ["risk@2", "fraud.cards@1"]
    assert done.document["next_page_token"] is None
    assert refs(mstore("search", "--json").document["versions"]) == ["fraud.cards@1", "risk@2", "risk@1"]


def test_a_search_on_a_terminal_names_the_models_and_says_what_comes_next(
    terminal: Run, mstore: Run, three: str
) -> None:
    done = terminal("search", "--limit", "1")
    token = done.err.rpartition("more: --page-token ")[2].strip()

    assert [line.split()[:2] for line in done.out.splitlines()] == [["name", "number"], ["fraud.cards", "1"]]
    assert refs(mstore("search", "--page-token", token, "--json").document["versions"]) == ["risk@2", "risk@1"]
    assert mstore("search", "--page-token", token, "number = 1").code == 2


def test_a_search_that_finds_nothing_says_so(mstore: Run, three: str) -> None:
    done = mstore("search", "metrics.auc > 1")
    assert (done.code, done.out, done.err) == (0, "", "no such versions\n")


def test_a_search_finds_deleted_versions_if_asked(mstore: Run, three: str) -> None:
    mstore("rm", "risk@2", "--yes")

    assert refs(mstore("search", "--json").document["versions"]) == ["fraud.cards@1", "risk@1"]
    assert refs(mstore("search", "--all", "--json").document["versions"]) == ["fraud.cards@1", "risk@2", "risk@1"]


def test_ls_lists_models_and_versions_of_which_something_holds(mstore: Run, three: str) -> None:
    models = mstore("ls", "--where", "name LIKE 'fraud.%'", "--order-by", "changed_at DESC", "--limit", "3", "--json")

    assert [model["name"] for model in models.document] == ["fraud.cards"]
    assert refs(mstore("ls", "risk", "--where", "alias = 'champion'", "--json").document) == ["risk@1"]
    assert mstore("ls", "--where", "name = 'x'").err == "no such models\n"
    assert (
        mstore("ls", "risk", "--where", "number = 9").err == "no such versions of risk: --all lists the deleted ones\n"
    )


def test_a_query_that_is_not_understood_says_where(mstore: Run, three: str) -> None:
    for words in (("search",), ("ls", "--where"), ("ls", "risk", "--where")):
        done = mstore(*words, "metric.auc >")
        assert (done.code, "at 1:1" in done.err) == (2, True)
