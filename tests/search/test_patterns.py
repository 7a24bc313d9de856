"""LIKE patterns hold of what they should, and cost no more than their length times the text's."""

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.effort import effort

from modelstore_core.search.conditions import matcher


def reference(pattern: str, text: str) -> bool:
    """LIKE by the book: a table of which beginnings of the pattern hold of which beginnings of the text."""
    holds = [True] + [False] * len(text)
    for sign in pattern:
        if sign == "%":
            first = holds.index(True) if True in holds else len(holds)
            holds = [at >= first for at in range(len(holds))]
        else:
            holds = [False] + [held and sign in ("_", c) for held, c in zip(holds, text, strict=False)]
    return holds[-1]


@given(st.text("ab%_.\n", max_size=12), st.text("ab.\n\\", max_size=12))
@effort(500)
def test_a_pattern_holds_of_what_it_says(pattern: str, text: str) -> None:
    assert (matcher(pattern, fold=False).fullmatch(text) is not None) == reference(pattern, text)


def test_a_pattern_of_many_wild_cards_is_over_at_once() -> None:
    """With backtracking this one would be busy until the end of the world."""
    assert matcher("%a" * 5000 + "%b", fold=False).fullmatch("a" * 20_000) is None
    assert matcher("%_a" * 2000 + "b", fold=True).fullmatch("aA" * 4000) is None


def test_signs_of_regular_expressions_are_plain_characters() -> None:
    for sign in r".*+?^$()[]{}|\-#&~":
        assert matcher(f"%{sign}_", fold=True).fullmatch(f"x{sign}y")
        assert not matcher(sign, fold=True).fullmatch("x")
