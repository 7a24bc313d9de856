import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import mlflow.spacy
import pandas as pd
import pytest
import spacy
from spacy.training import Example
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told, untrusted

from modelstore_core.errors import Corrupt
from modelstore_core.formats import Trust, parse_trust, read, read_pyfunc
from modelstore_core.formats.spacy import SpacyFormat
from modelstore_core.testing.format_contract import FormatContract

TEXT = "good bad news"


def pipeline() -> Any:
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "length": 64, "ngram_size": 1}
    nlp.add_pipe("textcat", config={"model": {**model, "no_output_layer": False}})
    nlp.add_pipe("sentencizer")
    texts = [("good news", {"cats": {"up": 1.0, "down": 0.0}}), ("bad news", {"cats": {"up": 0.0, "down": 1.0}})]
    examples = [Example.from_dict(nlp.make_doc(text), known) for text, known in texts]
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return nlp


class TestSpacy(FormatContract):
    format = SpacyFormat()
    example: ClassVar[object] = pd.DataFrame({"text": [TEXT]})

    def model(self, scratch: Path) -> object:
        return pipeline()

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left(TEXT).cats == right(TEXT).cats)


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return store(pipeline(), tmp_path / "model")


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="spacy", loads=stored.written.loads, trust=trust)


def test_a_fresh_process_and_mlflow_answer_the_same(stored: Stored) -> None:
    expected = pipeline()(TEXT).cats

    assert answer_elsewhere(stored, f"print(json.dumps(model({TEXT!r}).cats))", trust="safe") == expected
    code = f"import pandas as pd; print(json.dumps(model.predict(pd.DataFrame([[{TEXT!r}]]))['predictions'][0]))"
    assert answer_elsewhere(stored, code, pyfunc=True) == expected
    assert mlflow.spacy.load_model(str(stored.folder))(TEXT).cats == expected
    assert flavors(stored)["spacy"]["spacy_version"] == spacy.__version__


def test_a_pipeline_that_categorises_nothing_has_no_pyfunc(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")

    assert set(flavors(store(nlp, tmp_path / "m"))) == {"spacy"}


@pytest.mark.parametrize("name", ["tagger", "ner", "parser", "textcat", "spancat", "morphologizer", "lemmatizer"])
def test_what_spacy_builds_by_default_is_trusted(name: str, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe(name)
    stored = Stored(folder=tmp_path, written=store(pipeline(), tmp_path / "m").written)
    (tmp_path / "m" / "model.spacy" / "config.cfg").write_text(nlp.config.to_str())

    from modelstore_core.formats.spacy import check_spacy

    check_spacy(stored.folder / "m" / "model.spacy", parse_trust("safe"))


HOSTILE = {
    "a function of somebody's": "\n[misc]\n[misc.evil]\n@misc = 'evil.v1'\n".replace("'", '"'),
    "a callback": '\n[x]\nafter_creation = {"@callbacks": "evil.v1"}\n',
    "another model's parts": '\n[x]\nsource = "evil_package"\n',
    "a factory of somebody's": '\n[components.evil]\nfactory = "evil"\n',
    "a function inside a value": '\n[x]\nmodel = {"deep": [{"@architectures": "evil.v1"}]}\n',
    "a package as a language": "",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_configuration_that_reaches_for_more_is_refused(what: str, stored: Stored, tmp_path: Path) -> None:
    path = stored.folder / "model.spacy" / "config.cfg"
    text = path.read_text()
    (tmp_path / "evil_package.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    changed = text.replace('lang = "en"', 'lang = "en.evil"') if not HOSTILE[what] else text + HOSTILE[what]
    path.write_text(changed)
    sys.path.insert(0, str(tmp_path))
    try:
        for level in ("safe", "listed"):
            untrusted(load(stored), level, seen_in=stored)
            untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), level)
    finally:
        sys.path.remove(str(tmp_path))

    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("text", ["", "[nlp", "[nlp]\nlang = 3\n[nlp]\n"])
def test_a_broken_configuration_is_corrupt(text: str, stored: Stored) -> None:
    (stored.folder / "model.spacy" / "config.cfg").write_text(text)

    with pytest.raises(Corrupt):
        load(stored)(parse_trust("listed"))


def test_a_broken_component_is_corrupt(stored: Stored) -> None:
    (stored.folder / "model.spacy" / "textcat" / "model").write_bytes(b"x")

    with pytest.raises(Corrupt, match="spaCy"):
        load(stored)(parse_trust("listed"))


def test_its_record_tells_what_it_is(stored: Stored) -> None:
    said = told(stored, "spacy")

    assert (said["lang"], said["pipeline"]) == ("en", ["textcat", "sentencizer"])


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(pipeline, tmp_path) == set()
