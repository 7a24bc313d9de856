"""What is judged before a framework is asked is judged where there is none."""

import json
import pickle
import zipfile
from pathlib import Path

import pytest
from tests.formats.hostile import calls, tricks

from modelstore_core.errors import Corrupt, MissingExtra, Untrusted
from modelstore_core.formats import read, torch_files
from modelstore_core.formats.detect import choose
from modelstore_core.formats.spacy import check_spacy
from modelstore_core.formats.torch_zip import scan_torch
from modelstore_core.formats.transformers import check_pretrained
from modelstore_core.formats.trust import FULL, LISTED, SAFE

CONFIG = """
[nlp]
lang = "en"
before_creation = null
[components.textcat]
factory = "textcat"
[components.textcat.model]
@architectures = "spacy.TextCatBOW.v3"
"""


def packed(path: Path, body: bytes) -> Path:
    """A file as `torch.save` lays it out, around that pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", body)
        archive.writestr("model/version", "3\n")
        archive.writestr("model/data/0", bytes(8))
    return path


def test_the_names_of_a_torch_file_are_known_without_torch(tmp_path: Path) -> None:
    # a tensor's storage is a persistent id
    body = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\ntQtR."
    path = packed(tmp_path / "model.pth", body)

    with path.open("rb") as file:
        found = scan_torch(file)

    assert set(found.names.values()) == {"torch._utils._rebuild_tensor_v2", "torch.FloatStorage"}
    assert found.doubt is None
    torch_files.check(path, LISTED)
    with pytest.raises(Untrusted, match="is a pickle"):
        torch_files.check(path, SAFE)
    with pytest.raises(MissingExtra, match="pip install torch"):
        read(tmp_path, format="pytorch", loads=("model.pth",), trust=LISTED)


def test_no_hostile_pickle_in_a_torch_file_is_allowed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    bodies = {**tricks(canary), **{name: pickle.dumps(call, 2) for name, call in calls(canary).items()}}
    del bodies["BINPERSID"]  # names nothing: PyTorch takes it for a tensor that is not there

    for name, body in bodies.items():
        path = packed(tmp_path / "model.pth", body)

        with pytest.raises(Untrusted):
            torch_files.check(path, LISTED)

        assert not canary.exists(), name


@pytest.mark.parametrize(
    "framework", ["annoy", "keras", "prophet", "pytorch", "sentence_transformers", "spacy", "state_dict"]
)
def test_nothing_of_a_framework_is_imported_to_find_out_that_it_is_not_meant(framework: str) -> None:
    for value in ({}, {"a": 1}, [1], object(), "text"):
        assert choose(value, None).name != framework


def test_what_spacy_brings_is_allowed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "config.cfg"
    path.write_text(CONFIG)
    check_spacy(tmp_path, SAFE)

    for old, new in (
        ("spacy.TextCatBOW.v3", "evil.v1"),
        ('factory = "textcat"', 'factory = "evil"'),
        ("before_creation = null", 'before_creation = {"@callbacks": "evil.v1"}'),
        ("before_creation = null", 'a = [{"deep": {"@misc": "evil.v1"}}]'),
        ('factory = "textcat"', 'source = "evil"'),
        ('"en"', '"en.evil"'),
        ("[nlp]", "[DEFAULT]\nlang = 'evil'\n[nlp]"),
        ('factory = "textcat"', 'factory : "evil"'),
        ("before_creation = null", 'a = {"@misc": "evil.v1",}'),
        ("before_creation = null", 'a = {"@misc": "evil.v1", "@misc": "spacy.Tok2Vec.v2"}'),
    ):
        path.write_text(CONFIG.replace(old, new))
        with pytest.raises(Untrusted, match=r"config\.cfg"):
            check_spacy(tmp_path, LISTED)
        check_spacy(tmp_path, FULL)

    path.write_text("[")
    with pytest.raises(Corrupt, match=r"config\.cfg"):
        check_spacy(tmp_path, LISTED)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}),
        ("config.json", {"deep": [{"_attn_implementation": "someone/kernels"}]}),
        ("config.json", {"quantization_config": {"a": 1}}),
        ("pytorch_model.bin", {}),
        ("modeling.py", {}),
        ("adapter_config.json", {"base_model_name_or_path": "/elsewhere"}),
    ],
)
def test_a_pretrained_folder_that_leads_to_code_is_refused(name: str, document: object, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps(document))

    with pytest.raises(Untrusted, match=name.replace(".", r"\.")):
        check_pretrained(tmp_path, (name,), LISTED)
    check_pretrained(tmp_path, (name,), FULL)


def test_a_pretrained_folder_of_data_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auto_map": null, "_attn_implementation": "sdpa"}')
    (tmp_path / "tokenizer.json").write_text('{"vocab": {"auto_map": 3}}')

    check_pretrained(tmp_path, ("config.json", "tokenizer.json"), SAFE)
