"""MLflow's grammar, as its registry in SQLite answers it: ours answers the same wherever that one answers.

`docs/reference/search.md` lists the deliberate differences, and the tests at the end hold them.
"""

import re
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from tests.properties.effort import effort, takes
from tests.search.mlflow_registry import KEYS, NAMES, VALUES, Twins, twins

from modelstore_core import InvalidQuery

pytestmark = [
    takes(minutes=5),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # MLflow's own to mend
]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with twins(tmp_path_factory.mktemp("twins")) as made:
        yield made


blanks = st.sampled_from([" ", "  ", "\n", "\t "])
tight = blanks | st.just("")
plain_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)


def cased(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word.lower(), word.capitalize()])


@st.composite
def quoted(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text in quotes that are not in it, nor a backslash before the last: MLflow knows no way to say that."""
    text = draw(texts)
    quote = draw(st.sampled_from([q for q in "'\"" if q not in text] or ["'"]))
    return quote + text.replace(quote, "").rstrip("\\") + quote


@st.composite
def patterns(draw: st.DrawFn, texts: list[str]) -> str:
    """A text of the registry, in part replaced by wild cards."""
    text = draw(st.sampled_from(texts) | plain_text)
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        text = text[:start] + draw(st.sampled_from(["%", "_", "%%", "_%"])) + text[end:]
    return text


@st.composite
def text_comparisons(draw: st.DrawFn, field: str, texts: list[str], *, lists: bool) -> str:
    ways = [*["=", "!="] * 2, "LIKE", "ILIKE", *(["IN", "NOT IN"] if lists else [])]
    way = draw(st.sampled_from(ways))
    some = st.sampled_from(texts) | plain_text
    if way in {"=", "!="}:
        return field + draw(tight) + way + draw(tight) + draw(quoted(some))
    word = draw(blanks) + " ".join([draw(cased(part)) for part in way.split()]) + draw(blanks)
    if way == "LIKE":
        return field + word + draw(quoted(patterns(texts)))
    if way == "ILIKE":  # SQLite folds ASCII letters only, which is its own affair
        return field + word + draw(quoted(patterns(texts).map(lambda t: t.encode("ascii", "ignore").decode())))
    listed = draw(st.lists(quoted(st.sampled_from(texts)), min_size=1, max_size=3))
    comma = draw(st.sampled_from(["", ","])) if len(listed) == 1 else ""
    return f"{field}{word}({', '.join(listed)}{comma})"


@st.composite
def tag_comparisons(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from([*KEYS, "missing"]))
    spellings = [f"`{key}`", f'"{key}"', f"'{key}'", *([] if " " in key else [key])]
    field = draw(st.sampled_from(["tags", "tag"])) + "." + draw(st.sampled_from(spellings))
    return draw(text_comparisons(field, [*VALUES, "late"], lists=False))


@st.composite
def attribute_comparisons(draw: st.DrawFn, both: Twins) -> str:
    texts = {"name": NAMES, "run_id": both.runs, "source_path": [v.url for v in both.versions]}
    key = draw(st.sampled_from([*texts, "version_number"]))
    field = draw(st.sampled_from(["", "attribute."])) + key
    if key in texts:
        return draw(text_comparisons(field, texts[key], lists=key != "source_path"))
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
    number = str(draw(st.integers(-1, 7)))
    return field + draw(tight) + sign + draw(tight) + draw(st.sampled_from([number, f"'{number}'", f'"{number}"']))


@st.composite
def joined(draw: st.DrawFn, comparisons: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(comparisons, min_size=1, max_size=4))
    text = parts[0]
    for part in parts[1:]:
        text += draw(blanks) + draw(cased("AND")) + draw(blanks) + part
    return draw(st.sampled_from(["", " "])) + text + draw(st.sampled_from(["", "\n"]))


@st.composite
def orders(draw: st.DrawFn, keys: list[str]) -> list[str]:
    found = draw(
        st.lists(st.sampled_from(keys), max_size=3, unique_by=lambda key: key.strip('`"').removeprefix("attribute."))
    )
    return [key + draw(st.sampled_from(["", " ASC", " DESC", " desc", "  asc"])) for key in found]


@given(st.data())
@effort(300)
def test_filters_on_versions_find_the_same(both: Twins, data: st.DataObject) -> None:
    where = data.draw(joined(tag_comparisons() | attribute_comparisons(both)))

    assert sorted(both.ours(where)) == sorted(both.theirs(where))


ORDERS = ["name", "version_number", "creation_timestamp", "last_updated_timestamp", "`name`", '"version_number"']


@given(st.data())
@effort(100)
def test_orders_of_versions_are_the_same(both: Twins, data: st.DataObject) -> None:
    order_by = data.draw(orders(ORDERS).filter(bool))
    where = data.draw(st.none() | joined(tag_comparisons() | attribute_comparisons(both)))

    assert both.ours(where, order_by) == both.theirs(where, order_by)


@given(st.data())
@effort(100)
def test_filters_on_models_find_the_same_in_the_same_order(both: Twins, data: st.DataObject) -> None:
    field = st.sampled_from(["name", "attribute.name"]).flatmap(lambda f: text_comparisons(f, NAMES, lists=True))
    where = data.draw(st.none() | joined(field | tag_comparisons()))
    order_by = data.draw(
        st.sampled_from(["timestamp", "last_updated_timestamp"]).flatmap(lambda t: orders(["name", t]))
    )

    assert both.our_models(where, order_by or None) == both.their_models(where, order_by or None)


DELIBERATE = re.compile(r"\'\'|\"\"|\.\s|ILIKE\s*['\"].*[^\x00-\x7f]", re.DOTALL | re.IGNORECASE)
"""What both understand, and each in its own way: the tests below show them."""
PIECES = [
    *" .,()=!<>'\"`;%",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "IS NULL",
    "tags",
    "name",
    "run_id",
    "'x'",
    "1",
    "-1",
    "1.5",
]
SEPARATE = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|\w+|\s+|[^\w\s]")


@given(st.data())
@effort(150)
def test_damaged_filters_that_both_understand_find_the_same(both: Twins, data: st.DataObject) -> None:
    words = SEPARATE.findall(data.draw(joined(tag_comparisons() | attribute_comparisons(both))))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(words) - 1))
        words[at : at + data.draw(st.integers(0, 1))] = data.draw(
            st.lists(st.sampled_from([*PIECES, *words]), max_size=1)
        )
        words = words or [" "]
    where = "".join(words)
    assume(not DELIBERATE.search(where))
    try:
        ours = sorted(both.ours(where))
    except InvalidQuery:
        return
    try:
        theirs = sorted(both.theirs(where))
    except (MlflowException, ValueError):  # of Python's own parser, to which MLflow hands a list as it is
        return
    assert ours == theirs


def test_one_model_answers_as_all_do(both: Twins) -> None:
    where = "tags.team ILIKE 'r%' AND version_number > 1"
    found = [(v.name, v.number) for model in both.models for v in both.store.versions(model.name, where=where)]

    assert found == both.ours(where) != []
    assert sorted(found) == sorted(both.theirs(where))


def test_a_doubled_quote_is_one_as_in_sql(both: Twins) -> None:
    assert both.ours("name = 'it''s'") == both.ours('name = "it\'s"') == both.theirs('name = "it\'s"') != []
    assert both.theirs("name = 'it''s'") == []


def test_blanks_around_a_dot_are_not_part_of_the_key(both: Twins) -> None:
    assert both.ours("tags. team = 'risk'") == both.ours("tags.team = 'risk'") != []
    assert both.theirs("tags. team = 'risk'") == []


def test_any_letter_has_two_cases(both: Twins) -> None:
    assert sorted(both.ours("name ILIKE 'ÜNDER'")) == sorted(both.theirs("name = 'ünder'")) != []
    assert both.theirs("name ILIKE 'ÜNDER'") == []


@pytest.mark.parametrize(
    "where",
    [
        "",
        "name = 'fraud' version_number = 1",
        "name = 'fraud' AND AND version_number = 1",
        "AND name = 'fraud'",
        "name = 'fraud' AND",
        "name IN ('fraud' 'x')",
        "tags. = 'x'",
        "tags.'' = 'x'",
        "tags.team. = 'x'",
        "name = 'it\\'s'",
        "tags.`mlflow.prompt.is_prompt` != 'true' name = 'x'",
    ],
)
def test_what_mlflow_overlooks_is_an_error_here(both: Twins, where: str) -> None:
    both.theirs(where)
    with pytest.raises(InvalidQuery):
        both.ours(where)


def test_a_tag_of_prompts_is_a_tag_like_any_other(both: Twins) -> None:
    """MLflow keeps prompts as models, and answers this one with all that are none."""
    where = "tags.`mlflow.prompt.is_prompt` != 'true'"

    assert both.theirs(where) != both.ours(where) == []
    assert sorted(both.ours("tags.`mlflow.prompt.is_prompt` IS NULL")) == sorted(both.theirs(where))


@pytest.mark.parametrize(
    "where",
    [
        "version_number IN (1, 2)",
        "attributes.name = 'fraud'",
        "name = 'fraud' OR version_number = 1",
        "(name = 'fraud')",
        "NOT name = 'fraud'",
        "name NOT LIKE 'f%'",
        "tags.team IS NULL",
        "tags.team IN ('risk', 'ads')",
        "tags.`1st` > 9",
        "version_number = 1.0",
        "source_path IN ('x')",
        "creation_timestamp > 1",
        "alias = 'champion'",
        "description = 'risk'",
    ],
)
def test_what_mlflow_refuses_is_answered_here(both: Twins, where: str) -> None:
    with pytest.raises((MlflowException, ValueError)):
        both.theirs(where)
    assert isinstance(both.ours(where), list)
