from pathlib import Path
from typing import Any

import lightning
import torch
from tests.frameworks.support import answer_elsewhere, differing, store, told, untrusted
from tests.frameworks.trained import Regression

from modelstore_core.formats import parse_trust, read

ROWS = torch.arange(6.0).reshape(2, 3)
ANSWER = "import torch; print(json.dumps(model(torch.arange(6.0).reshape(2, 3)).tolist()))"
NAME = "tests.frameworks.trained.Regression"


def trained(scratch: Path) -> Any:
    lightning.seed_everything(0)
    model = Regression()
    rows = torch.utils.data.TensorDataset(torch.rand(8, 3), torch.rand(8, 1))
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=scratch,
    )
    trainer.fit(model, torch.utils.data.DataLoader(rows, batch_size=4))
    return model.eval()


def test_a_trained_module_comes_back_without_its_trainer(tmp_path: Path) -> None:
    model = trained(tmp_path)
    stored = store(model, tmp_path / "model")

    assert stored.written.format == "pytorch"
    assert answer_elsewhere(stored, ANSWER) == model(ROWS).tolist()
    pyfunc = "import numpy as np; print(json.dumps(model.predict(np.arange(6, dtype='f').reshape(2, 3)).tolist()))"
    assert answer_elsewhere(stored, pyfunc, pyfunc=True) == model(ROWS).tolist()


def test_its_names_are_those_that_a_reader_lists(tmp_path: Path) -> None:
    model = trained(tmp_path)
    stored = store(model, tmp_path / "model")

    def load(trust: Any) -> Any:
        return read(stored.folder, format="pytorch", loads=stored.written.loads, trust=trust)

    names = untrusted(load).names
    assert NAME in names
    assert not [name for name in names if name.startswith(("builtins.", "functools.", "os."))]
    assert torch.equal(load(parse_trust(names))(ROWS), model(ROWS))


def test_its_state_dict_needs_no_trust(tmp_path: Path) -> None:
    stored = store(trained(tmp_path).state_dict(), tmp_path / "model")

    loaded: Any = read(stored.folder, format="state_dict", loads=stored.written.loads, trust=parse_trust("safe"))

    assert sorted(loaded) == ["layer.bias", "layer.weight"]


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(trained(tmp_path), tmp_path / "model"), "torch", "lightning")

    assert (said["parameters"], said["modules.Linear"]) == (4, 1)


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    assert differing(lambda: trained(tmp_path), tmp_path) == set()
