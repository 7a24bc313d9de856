import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from tests.formats.fresh import run
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told, untrusted
from tokenizers import Tokenizer, models, pre_tokenizers

from modelstore_core.errors import Corrupt
from modelstore_core.formats import Trust, parse_trust, read, read_pyfunc
from modelstore_core.formats.transformers import TransformersFormat
from modelstore_core.testing.format_contract import FormatContract

IDS = torch.tensor([[2, 3, 0]])
WORDS = {"[UNK]": 0, "[PAD]": 1, "good": 2, "bad": 3}


def network() -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=6,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    return transformers.BertForSequenceClassification(config).eval()


def tokenizer() -> Any:
    words = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]")


def pipeline() -> Any:
    return transformers.pipeline("text-classification", model=network(), tokenizer=tokenizer())


def adapted() -> Any:
    torch.manual_seed(1)
    config = peft.LoraConfig(r=2, target_modules=["query"], init_lora_weights=False, modules_to_save=["classifier"])
    return peft.get_peft_model(network(), config).eval()


def answer(model: Any) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(IDS).logits
    return logits


class TestModel(FormatContract):
    format = TransformersFormat()

    def model(self, scratch: Path) -> object:
        return network()

    def equal(self, left: Any, right: Any) -> bool:
        return bool(torch.equal(answer(left), answer(right)))


class TestModelAndTokenizer(FormatContract):
    format = TransformersFormat()

    def model(self, scratch: Path) -> object:
        return {"model": network(), "tokenizer": tokenizer()}

    def equal(self, left: Any, right: Any) -> bool:
        texts = [one["tokenizer"]("good bad news")["input_ids"] for one in (left, right)]
        return texts == [[2, 3, 0]] * 2 and torch.equal(answer(left["model"]), answer(right["model"]))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return store(pipeline(), tmp_path / "model")


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="transformers", loads=stored.written.loads, trust=trust)


def test_a_pipeline_answers_the_same_in_a_fresh_process(stored: Stored) -> None:
    expected = pipeline()("good bad")

    assert answer_elsewhere(stored, "print(json.dumps(model('good bad')))", trust="safe") == expected
    (found,) = answer_elsewhere(stored, "print(model.predict('good bad').to_json(orient='records'))", pyfunc=True)
    assert found["label"] == expected[0]["label"]
    assert found["score"] == pytest.approx(expected[0]["score"])
    assert flavors(stored)["transformers"]["task"] == "text-classification"
    assert f"transformers=={transformers.__version__}" in stored.written.environment["requirements"]  # type: ignore[operator]


def test_an_adapter_comes_back_on_its_model(tmp_path: Path) -> None:
    model = adapted()
    before = answer(model)

    stored = store({"model": model, "tokenizer": tokenizer()}, tmp_path / "model")
    loaded: Any = load(stored)(parse_trust("safe"))

    assert not torch.equal(before, answer(network()))
    assert torch.equal(answer(model), before)
    assert torch.equal(answer(loaded["model"]), before)
    assert type(loaded["model"]) is type(model)


def test_pyfunc_needs_full_trust_and_says_so(stored: Stored) -> None:
    refusal = untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust))

    assert "mlflow.transformers" in refusal.what
    assert 'trust="full"' in refusal.fix


def changed(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_map", {"AutoModelForSequenceClassification": "evil.Model"}),
        ("auto_map", {"AutoConfig": "someone/elsewhere--evil.Config"}),
        ("custom_pipelines", {"x": {"impl": "evil.Pipeline"}}),
        ("_attn_implementation", "someone/kernels"),
        ("attn_implementation", {"": "someone/kernels"}),
        ("quantization_config", {"quant_method": "x"}),
    ],
)
@pytest.mark.parametrize("file", ["model/config.json", "components/tokenizer/tokenizer_config.json"])
def test_a_configuration_that_leads_to_code_is_refused(
    file: str, key: str, value: object, stored: Stored, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    changed(stored.folder / file, **{key: value})
    (stored.folder / Path(file).parent / "evil.py").write_text(f"open({str(canary)!r}, 'w')")

    for level in ("safe", "listed"):
        untrusted(load(stored), level, seen_in=stored)
    assert not canary.exists()


def test_code_of_a_model_is_not_run_even_under_full_trust(stored: Stored, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    changed(stored.folder / "model/config.json", auto_map={"AutoModelForSequenceClassification": "evil.Model"})
    (stored.folder / "model/evil.py").write_text(f"open({str(canary)!r}, 'w')")

    load(stored)(parse_trust("full"))

    assert not canary.exists()


@pytest.mark.parametrize(
    "name", ["model/pytorch_model.bin", "model/evil.py", "peft/adapter_model.bin", "components/x.pkl"]
)
def test_a_file_that_is_no_data_is_refused(name: str, stored: Stored) -> None:
    path = stored.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")

    assert "neither JSON" in untrusted(load(stored), seen_in=stored).what


@pytest.mark.parametrize("name", ["os.system", "transformers.utils.hub.cached_file", "transformers.pipeline"])
def test_another_class_is_refused(name: str, stored: Stored) -> None:
    changed(stored.folder / "transformers.json", model=name)

    assert untrusted(load(stored), seen_in=stored).names == (name,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": 3, "parts": {}, "kind": "x", "peft": true, "task": null}'])
def test_an_index_that_is_none_is_corrupt(text: str, stored: Stored) -> None:
    (stored.folder / "transformers.json").write_text(text)

    with pytest.raises(Corrupt, match=r"transformers\.json"):
        load(stored)(parse_trust("listed"))


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(network(), tmp_path / "model"), "transformers", "torch")
    of_adapter = told(store(adapted(), tmp_path / "adapted"), "peft")

    assert (said["model_type"], said["hidden_size"]) == ("bert", 8)
    assert (of_adapter["peft.default.r"], of_adapter["hidden_size"]) == (2, 8)


@pytest.mark.parametrize("make", [network, pipeline, adapted])
def test_the_same_training_gives_the_same_bytes(make: Callable[[], object], tmp_path: Path) -> None:
    assert differing(make, tmp_path) == set()


ADAPT = """
import hashlib, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import peft, torch
from tests.frameworks.test_transformers import network
from modelstore_core.formats import write
torch.manual_seed(1)
modules = ["query", "key", "value", "dense"]
config = peft.LoraConfig(r=2, target_modules=modules, init_lora_weights=False)
write(peft.get_peft_model(network(), config), Path(sys.argv[1]))
print(hashlib.sha256(Path(sys.argv[1], "peft/adapter_config.json").read_bytes()).hexdigest())
"""


def test_an_adapter_is_the_same_from_every_process(tmp_path: Path) -> None:
    said = set()
    for seed in ("1", "2", "3"):
        (tmp_path / seed).mkdir()
        said.add(run(ADAPT, str(tmp_path / seed), env={"PYTHONHASHSEED": seed}, seconds=300).splitlines()[-1])

    assert len(said) == 1
