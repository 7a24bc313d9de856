"""No name on the shipped list reaches code execution by itself.

How this is known, as far as a test can know it: the names were gathered from real saves and none is of a kind that
takes code (`test_trust.py` has the list of what is denied); and here each is called with texts of code, with paths of
scripts, with names of modules, in every position and by every keyword, while the interpreter's own audit hook listens
for whatever is compiled, executed, started, opened or connected to. What a class written in C does with a state that
was made by hand is beyond this: `trust.py` says so.
"""

import io
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.formats.fresh import ROOT, run

from modelstore_core.formats import trust
from modelstore_core.formats.opcodes import scan
from modelstore_core.formats.trust import LISTED

LIST = Path(trust.__file__).with_name("trusted_names.txt")
ELSEWHERE = ("numpy.core.", "pathlib._local.", "pandas.core.frame.", "pandas.core.series.")


def tried(names: list[str], folder: Path) -> tuple[str, int]:
    """What was heard, and how often something ran."""
    folder.mkdir()
    given = folder.with_suffix(".txt")
    given.write_text("\n".join(names))
    code = "import runpy, sys; runpy.run_module('tests.formats.try_names', run_name='__main__', alter_sys=True)"
    said = run(code, str(folder), str(given), env={"PYTHONPATH": f"{ROOT}:{ROOT / 'core'}"})
    last = re.search(r"(\d+) names, (\d+) calls, (\d+) executions$", said.strip())
    assert last, said
    assert int(last[2]) > 30 * len(names)
    return said, int(last[3])


def test_no_listed_name_runs_what_it_is_given(tmp_path: Path) -> None:
    names = [line for line in LIST.read_text().splitlines() if not line.startswith(("#", *ELSEWHERE))]

    said, executions = tried(names, tmp_path / "listed")

    print(said)
    assert executions == 0, said
    assert len(names) > 400


@pytest.mark.parametrize("storage", ["pyarrow", "python"])
def test_text_in_frames_loads_whatever_pandas_keeps_it_in(storage: Any) -> None:
    with pd.option_context("mode.string_storage", storage):
        frame = pd.DataFrame({"city": pd.array(["a", None], dtype=pd.StringDtype(storage, na_value=np.nan))})
        held: list[Any] = [frame, frame["city"], pd.Index(frame["city"]), pd.Categorical(["a", "b"])]

    for value in held:
        names = scan(io.BytesIO(pickle.dumps(value, 5))).names.values()
        assert LISTED.unlisted(names) == ()


GUILTY = [
    "builtins.eval", "builtins.exec", "builtins.__import__", "importlib.import_module", "os.system", "runpy.run_path",
    "runpy.run_module", "subprocess.getoutput", "pydoc.locate", "pkgutil.resolve_name", "os.popen",
    "pandas.eval", "pandas.read_csv", "builtins.open",
]  # fmt: skip


def test_a_name_that_would_is_noticed(tmp_path: Path) -> None:
    said, executions = tried(GUILTY, tmp_path / "guilty")

    assert executions > 0
    assert not {name for name in GUILTY if f"\n{name} " not in f"\n{said}"}
    assert not trust.SHIPPED & {*GUILTY}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_list_is_what_the_script_makes_of_real_saves(tmp_path: Path) -> None:
    made = tmp_path / "names.txt"

    script = ROOT / "tools" / "generate_trusted_names.py"
    subprocess.run([sys.executable, script, made], check=True, capture_output=True, timeout=900)

    assert made.read_text() == LIST.read_text()
