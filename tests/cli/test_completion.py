"""What a shell offers while somebody types: asked as the scripts ask, and by real shells."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from tests import needs
from tests.cli import schemes
from tests.cli.commands import Run

from modelstore_core import ModelStore
from modelstore_core.cli import main
from modelstore_core.cli.grammar.tables import spoken
from modelstore_core.cli.scripts import SCRIPTS

BREAKS = " \t\n\"'><=;|&(:@"  # bash's own

Offer = list[str]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_COMPLETION_TIMEOUT", "60")


@pytest.fixture
def offered(capsys: pytest.CaptureFixture[str]) -> Callable[..., Offer]:
    """What zsh and fish are offered for the last of the words, without what it means."""

    def ask(*words: str) -> Offer:
        assert main(["__complete", "zsh", *words]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return [line.partition("\t")[0] for line in said.out.splitlines()]

    return ask


@pytest.fixture
def in_bash(capsys: pytest.CaptureFixture[str]) -> Callable[[str], Offer]:
    """What bash is offered at the end of a line."""

    def ask(line: str) -> Offer:
        assert main(["__complete", "bash", line, BREAKS]) == 0
        return capsys.readouterr().out.splitlines()

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sho"], ["show"]),
        (["g"], ["gate", "gc"]),
        (["--js"], ["--json"]),
        (["--store", "./elsewhere", "sho"], ["show"]),
        (["--json", "sho"], ["show"]),
        (["ls", "--wh"], ["--where"]),
        (["ls", "--re"], ["--read-only"]),
        (["show", "r"], ["risk", "risk@champion", "risk@2", "risk@1"]),
        (["show", "risk@"], ["risk@champion", "risk@2", "risk@1"]),
        (["show", "risk@c"], ["risk@champion"]),
        (["show", "nobody@"], []),
        (["show", "risk", ""], []),
        (["diff", "risk@1", "risk@2", "risk@c"], ["risk@champion"]),
        (["diff", "risk@1", "risk@2", "risk@1", "risk@c"], ["risk@champion"]),
        (["history", "r"], ["risk"]),
        (["promote", "risk@2", ""], ["champion"]),
        (["rollback", "risk", "--reason", "why", ""], ["champion"]),
        (["rollback", "risk", "--reason=why", "c"], ["champion"]),
        (["save", "risk", "new.bin", "--alias", "c"], ["champion"]),
        (["save", "risk", ""], [":files"]),
        (["best", "risk", "metrics.l"], ["metrics.loss"]),
        (["ls", "risk", "--order-by", "s"], ["size"]),
        (["ls", "--order-by", "s"], ["size"]),
        (["import", "--kind", ""], ["modelstore", "mlflow", "files"]),
        (["import", "--kind=f"], ["--kind=files"]),
        (["import", "--artifacts="], []),
        (["ls", "--limit", ""], []),
        (["ls", "--unknown=x"], []),
        (["verify", "--read-data", "r"], ["risk"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["--store", ""], [":files"]),
        (["nonsense", ""], sorted(spoken())),
        (["doctor", ""], []),
    ],
)
def test_what_may_come_next_is_offered(
    risk: str, offered: Callable[..., Offer], words: Sequence[str], expected: Offer
) -> None:
    found = offered(*words)
    assert (sorted(found) if words[0] == "nonsense" else found) == expected


def test_stores_are_offered_by_name(home: Path, offered: Callable[..., Offer]) -> None:
    (home / "pyproject.toml").write_text('[tool.modelstore.stores.prod]\nurl = "./prod"')
    assert offered("--store", "p") == ["prod"]
    assert offered("copy", "risk@1", "") == ["prod"]
    ModelStore("./prod").save(Path("old.bin"), "deep")
    assert offered("--store", "prod", "show", "d") == ["deep", "deep@1"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mstore sh", ["show"]),
        ("mstore show risk@c", ["champion"]),
        ("mstore show 'risk@c", ["risk@champion"]),
        ('mstore show "risk@c', ["risk@champion"]),
        ("mstore show  ri\\sk@c", ["champion"]),
        ("mstore import --kind=f", ["files"]),
        ("mstore save risk ", [":files"]),
        ("mstore history a", ["a\\ \\$b"]),
        ("mstore history a\\ ", ["a\\ \\$b"]),
        ("mstore history 'a ", ["a $b"]),
        ('mstore history "a ', []),  # there, a $ would mean something
        ("mstore history 'a $'b", ["a\\ \\$b"]),
        ("mstore ", [*spoken()]),
    ],
)
def test_bash_gets_what_it_has_to_put_there(
    risk: str, in_bash: Callable[[str], Offer], line: str, expected: Offer
) -> None:
    ModelStore("./models").save(Path("old.bin"), "a $b")
    assert in_bash(line) == expected


def test_text_of_others_comes_without_anything_that_steers(risk: str, capsys: pytest.CaptureFixture[str]) -> None:
    ModelStore("./models").save(Path("old.bin"), "evil", description="\x1b[31m\tred\nline")
    main(["__complete", "fish", "show", "evil@"])
    assert capsys.readouterr().out == "evil@1\t\\x1b[31m\\tred\\nline\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bash"],
        ["zsh"],
        ["bash", "mstore 'a"],
        ["zsh", "--store", "ftp://nowhere", "show", ""],
        ["zsh", "--store", "nobody", "show", ""],
        ["zsh", "--option", "nonsense", "show", ""],
        ["zsh", "show", "no such@"],
        ["zsh", "best", "nobody", ""],
    ],
)
def test_what_fails_offers_nothing_and_says_nothing(
    risk: str, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["__complete", *words]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_project_that_makes_no_sense_offers_nothing(home: Path, offered: Callable[..., Offer]) -> None:
    (home / "pyproject.toml").write_text("[tool")
    assert offered("--store", "p") == []


def test_nothing_is_written_to_a_store_for_it(home: Path, offered: Callable[..., Offer]) -> None:
    offered("show", "r")
    assert not (home / "models").exists()


@pytest.mark.parametrize("seconds", ["0.5", "nonsense", "nan"])
def test_a_store_that_does_not_answer_keeps_no_prompt_waiting(tmp_path: Path, seconds: str) -> None:
    (tmp_path / "packages").mkdir()
    schemes.install(tmp_path / "packages")
    path = os.pathsep.join([str(tmp_path / "packages"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "MODELSTORE_COMPLETION_TIMEOUT": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "modelstore_core.cli", "__complete", "zsh", "--store", "silent://", "show", ""],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_is_printed_as_it_is(mstore: Run, shell: str) -> None:
    assert mstore("completion", shell).out == SCRIPTS[shell]
    assert mstore("completion", shell, "--json").document == {"shell": shell, "script": SCRIPTS[shell]}


def test_a_shell_that_has_no_script_is_told_which_have(mstore: Run) -> None:
    done = mstore("completion", "powershell")
    assert (done.code, "'bash', 'zsh', 'fish'" in done.err) == (2, True)


@pytest.fixture
def shell(risk: str, tmp_path: Path) -> Callable[..., str]:
    """Run a program in the prepared folder, where `mstore` is this one."""
    programs = tmp_path / "programs"
    programs.mkdir()
    command = programs / "mstore"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m modelstore_core.cli "$@"\n')
    command.chmod(0o755)

    def run(*words: str, **more: str) -> str:
        environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LC_ALL": "C.UTF-8",
            **more,
        }
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


# What readline does before and after: it splits the line at its breaks, and puts a candidate instead of the last part.
_BASH = """
eval "$(mstore completion bash)"
complete -p mstore
tab() {
    COMP_LINE=$1 COMP_POINT=${#1}
    _mstore mstore "" ""
    printf '<%s>' "${COMPREPLY[@]}"
    echo
}
tab 'mstore sho'
tab 'mstore show risk@'
tab 'mstore show risk@c'
tab 'mstore show risk@c and more' # as far as the cursor only
COMP_POINT=0
tab 'mstore history a'
tab 'mstore --store ftp://nowhere show '
"""


def test_a_real_bash_completes(shell: Callable[..., str]) -> None:
    ModelStore("./models").save(Path("old.bin"), "a $b")
    lines = shell(needs.program("bash", "apt-get install bash"), "--norc", "-c", _BASH).splitlines()
    assert lines == [
        "complete -F _mstore mstore",
        "<show>",
        "<champion><2><1>",
        "<champion>",
        "<>",
        "<a\\ \\$b>",
        "<>",
    ]


# A terminal of zsh's own, as its own tests have it: the line is typed, and what stands there then is printed.
_ZSH = r"""
zmodload zsh/zpty
zpty shell "$1 -f -i"
wait_for() { local found; zpty -r -m shell found "*$1*"; print -r -- "$found" }
zpty -w shell "PS1=; unsetopt zle_bracketed_paste 2>/dev/null; autoload -Uz compinit; compinit -u -D"
zpty -w shell 'eval "$(mstore completion zsh)"'
zpty -w shell 'show-line() { print -r -- "LINE[$BUFFER]END" }; zle -N show-line; bindkey "^X" show-line'
zpty -w shell 'echo READY-"TO-TYPE"'
wait_for READY-TO-TYPE >/dev/null
for line in 'mstore sho' 'mstore show risk@c' 'mstore history a'; do
    zpty -w -n shell "$line"$'\t\x18'
    wait_for 'LINE\[*\]END' | grep -o 'LINE\[.*\]END'
    zpty -w -n shell $'\x15'
done
zpty -d shell
"""


def test_a_real_zsh_completes(shell: Callable[..., str]) -> None:
    ModelStore("./models").save(Path("old.bin"), "a $b")
    zsh = needs.program("zsh", "apt-get install zsh")
    shown = shell(zsh, "-f", "-c", _ZSH, "zsh", zsh, TERM="xterm")
    assert [line.rstrip() for line in shown.splitlines()] == [
        "LINE[mstore show ]END",
        "LINE[mstore show risk@champion ]END",
        "LINE[mstore history a\\ \\$b ]END",
    ]


_FISH = """
mstore completion fish | source
complete -C 'mstore sho'
complete -C 'mstore show risk@c'
complete -C 'mstore save risk ./ne'
complete -C 'mstore --store ftp://nowhere show '
"""


def test_a_real_fish_completes(shell: Callable[..., str], tmp_path: Path) -> None:
    fish = needs.program("fish", "apt-get install fish")
    lines = shell(fish, "--no-config", "-c", _FISH, HOME=str(tmp_path)).splitlines()
    assert [line.partition("\t")[0] for line in lines] == ["show", "risk@champion", "./new.bin"]


def test_help_costs_no_more_than_words(mstore: Run) -> None:
    """What answers `--help` and a verb that is not there loads grammar alone, and nothing that carries anything out."""
    for words in (["--help"], ["promote", "--help"], ["__complete", "zsh", "sho"], ["completions"]):
        loaded = _loaded_by(words)
        assert not [name for name in loaded if name.startswith(("modelstore_core.store", "modelstore_core.cli.verbs"))]
        assert len([name for name in loaded if name.startswith("modelstore_core.")]) <= 35
        assert len(loaded) <= 150


def _loaded_by(words: Sequence[str]) -> Sequence[str]:
    code = (
        "import sys; from modelstore_core.cli import main; main(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules))"
    )
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr.splitlines()[-1].split()
