from pathlib import Path
from typing import Any

import pytest
from gensim.corpora import Dictionary
from gensim.models import Doc2Vec, FastText, LdaModel, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from tests.frameworks.support import answer_elsewhere, differing, store, told, untrusted

from modelstore_core.formats import read

TEXTS = [["good", "news", "today"], ["bad", "news", "today"], ["no", "news", "is", "good", "news"]] * 5
OPTIONS: dict[str, Any] = {"vector_size": 8, "min_count": 1, "seed": 0, "workers": 1, "epochs": 1}
VECTOR = "[float(x) for x in model.wv['news']]"


def topics() -> Any:
    words = Dictionary(TEXTS)
    return LdaModel([words.doc2bow(text) for text in TEXTS], num_topics=2, id2word=words, random_state=0)


MODELS: dict[str, tuple[Any, str]] = {
    "Word2Vec": (lambda: Word2Vec(TEXTS, **OPTIONS), VECTOR),
    "FastText": (lambda: FastText(TEXTS, bucket=50, **OPTIONS), VECTOR),
    "KeyedVectors": (lambda: Word2Vec(TEXTS, **OPTIONS).wv, "[float(x) for x in model['news']]"),
    "Doc2Vec": (lambda: Doc2Vec([TaggedDocument(text, [0]) for text in TEXTS], **OPTIONS), VECTOR),
    "LdaModel": (topics, "[float(x) for x in model.get_topics().ravel()]"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_by_the_names_that_the_refusal_says(kind: str, tmp_path: Path) -> None:
    make, code = MODELS[kind]
    model = make()
    stored = store(model, tmp_path / "model")
    expected = eval(code, {"model": model})

    names = untrusted(lambda trust: read(stored.folder, format="pickle", loads=stored.written.loads, trust=trust)).names

    assert stored.written.format == "pickle"
    assert stored.written.model_type == f"gensim.models.{kind.lower()}.{kind}"
    assert all(name == "builtins.hash" or name.startswith("gensim.") for name in names)
    assert answer_elsewhere(stored, f"print(json.dumps({code}))", trust=names) == expected
    assert not (stored.folder / "MLmodel").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Word2Vec", {"vector_size": 8, "epochs": 1}),
        ("KeyedVectors", {"vector_size": 8}),
        ("LdaModel", {"num_topics": 2}),
    ],
)
def test_its_record_tells_what_it_is(kind: str, said: dict[str, object], tmp_path: Path) -> None:
    assert said.items() <= told(store(MODELS[kind][0](), tmp_path / "model"), "gensim").items()


@pytest.mark.parametrize("kind", MODELS)
def test_a_training_keeps_when_it_took_place(kind: str, tmp_path: Path) -> None:
    of_training = set() if kind == "KeyedVectors" else {"model.pkl"}

    assert differing(MODELS[kind][0], tmp_path) == of_training
