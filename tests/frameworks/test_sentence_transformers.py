import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tests.frameworks.support import Stored, answer_elsewhere, differing, store, told, untrusted
from tokenizers import Tokenizer, models, pre_tokenizers

from modelstore_core.errors import NotSerializable
from modelstore_core.formats import Trust, read
from modelstore_core.formats.sentence_transformers import SentenceTransformersFormat
from modelstore_core.testing.format_contract import FormatContract

WORDS = {"[UNK]": 0, "[PAD]": 1, "good": 2, "bad": 3}


def encoder(scratch: Path) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=6, max_position_embeddings=16, **sizes)
    transformers.BertModel(config).save_pretrained(scratch / "base")
    words = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")
    tokenizer.save_pretrained(scratch / "base")
    torch.manual_seed(1)
    modules = [Transformer(str(scratch / "base")), Pooling(8), Dense(8, 4, activation_function=torch.nn.Tanh())]
    return SentenceTransformer(modules=modules, device="cpu")


class TestSentenceTransformer(FormatContract):
    format = SentenceTransformersFormat()

    def model(self, scratch: Path) -> object:
        return encoder(scratch)

    def equal(self, left: Any, right: Any) -> bool:
        return np.array_equal(left.encode(["good bad"]), right.encode(["good bad"]))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return store(encoder(tmp_path), tmp_path / "model")


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="sentence_transformers", loads=stored.written.loads, trust=trust)


def test_a_fresh_process_and_mlflow_answer_the_same(stored: Stored, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    expected = pytest.approx(encoder(tmp_path / "again").encode(["good bad"])[0].tolist(), rel=1e-5)

    code = "print(json.dumps(model.encode(['good bad'])[0].tolist()))"
    assert answer_elsewhere(stored, code, trust="safe") == expected
    pyfunc = "print(json.dumps(model.predict(['good bad'])[0].tolist()))"
    assert answer_elsewhere(stored, pyfunc, pyfunc=True) == expected


@pytest.mark.parametrize("name", ["os.system", "sentence_transformers.util.http_get", "evil.Module"])
def test_another_class_is_refused(name: str, stored: Stored) -> None:
    path = stored.folder / "model.sentence_transformer" / "modules.json"
    modules = json.loads(path.read_text())
    modules[1]["type"] = name
    path.write_text(json.dumps(modules))

    for level in ("safe", "listed"):
        assert untrusted(load(stored), level, seen_in=stored).names == (name,)


def test_another_function_to_call_is_refused(stored: Stored) -> None:
    path = stored.folder / "model.sentence_transformer" / "2_Dense" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "activation_function": "os.getcwd"}))

    assert untrusted(load(stored), seen_in=stored).names == ("os.getcwd",)


def test_a_module_of_ones_own_is_not_saved_and_the_way_out_is_said(tmp_path: Path) -> None:
    model = encoder(tmp_path)
    model.append(torch.nn.Identity())

    with pytest.raises(NotSerializable, match="format='pytorch'"):
        store(model, tmp_path / "model").folder.joinpath("x").touch()


def test_its_record_tells_what_it_is(stored: Stored) -> None:
    said = told(stored, "sentence-transformers", "transformers", "torch")

    assert said["pipeline"] == ["Transformer", "Pooling", "Dense"]
    assert said["parameters"] > 0


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(lambda: encoder(tmp_path), tmp_path) == set()
