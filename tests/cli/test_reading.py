"""Verbs that read: what they print in a pipe, on terminals of several widths, and as JSON."""

import re
from pathlib import Path

import pytest
from tests.cli.commands import Done, Run

from modelstore_core import AtLeast, InvalidInput, ModelStore
from modelstore_core.cli import cursors

NOW = "2026-01-02T03:04Z"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def lines(done: Done) -> list[str]:
    assert done.code == 0
    return [_TIME.sub("2026-01-02T03:04", line) for line in done.out.splitlines()]


def test_ls_lists_all_models(terminal: Run, mstore: Run, risk: str) -> None:
    mstore("save", "fraud.cards", "old.bin")
    assert lines(terminal("ls")) == [
        "name         newest  versions  aliases     changed",
        "fraud.cards       1         1              2026-01-02T03:04Z",
        "risk              2         2  champion=1  2026-01-02T03:04Z",
    ]


def test_ls_of_an_empty_store_says_where_it_looked(mstore: Run, home: Path) -> None:
    done = mstore("ls")
    assert (done.code, done.out, done.err) == (0, "", f"no models in {home / 'models'}\n")


def test_ls_lists_the_versions_of_a_model(terminal: Run, risk: str) -> None:
    assert lines(terminal("ls", "risk", width=140)) == [
        "number  aliases   metrics.auc  metrics.loss  created            by       size  description  format  tags.team",
        "     2                   0.93           0.2  2026-01-02T03:04Z  ada  12.7 KiB  more data    file",
        "     1  champion          0.9                2026-01-02T03:04Z  ada      11 B               file    fraud",
    ]


def test_a_narrow_terminal_gets_what_matters_most_and_a_word_about_the_rest(terminal: Run, risk: str) -> None:
    done = terminal("ls", "risk", width=60)
    assert lines(done) == [
        "number  aliases   metrics.auc  metrics.loss  by       size",
        "     2                   0.93           0.2  ada  12.7 KiB",
        "     1  champion          0.9                ada      11 B",
    ]
    assert done.err == ("no room for created, description, format, tags.team; --json has all\n")


def test_a_pipe_gets_every_column_and_every_digit(mstore: Run, risk: str) -> None:
    mstore("save", "risk", "old.bin", "--metric", "auc=.123456789012345", "--tag", f"note={'long ' * 30}")
    done = mstore("ls", "risk")
    assert " ".join(done.out.splitlines()[0].split()) == (
        "number state aliases metrics.auc metrics.loss created by size format key tags.note tags.team"
        " supersedes digest description"
    )
    assert "0.123456789012345" in done.out
    assert ("long " * 30).rstrip() in done.out
    assert done.err == ""


def test_ls_orders_and_limits(mstore: Run, risk: str) -> None:
    done = mstore("ls", "risk", "--order-by", "metrics.auc", "--limit", "1", "--json")
    assert [version["number"] for version in done.document] == [1]


def test_what_is_ordered_by_is_shown_first(terminal: Run, mstore: Run) -> None:
    metrics = [word for name in "abcdefgh" for word in ("--metric", f"{name}=1")]
    mstore("save", "risk", "old.bin", *metrics, "--param", "depth=3")
    done = terminal("ls", "risk", "--order-by", "params.depth DESC, metrics.h", width=50)
    assert lines(done)[0].split() == ["number", "metrics.h", "params.depth", "metrics.a", "by"]


def test_ls_all_has_the_deleted_and_superseded_too(terminal: Run, mstore: Run) -> None:
    mstore("save", "risk", "old.bin", "--key", "k")
    mstore("save", "risk", "new.bin", "--key", "k")
    mstore("save", "risk", "old.bin")
    mstore("rm", "risk@3", "--yes")
    assert [line.split()[:2] for line in lines(terminal("ls", "risk", "--all"))[1:]] == [
        ["3", "deleted"],
        ["2", "live"],
        ["1", "superseded"],
    ]
    assert [line.split()[0] for line in lines(terminal("ls", "risk"))] == ["number", "2"]


def test_ls_without_live_versions_points_to_all(mstore: Run) -> None:
    mstore("save", "risk", "old.bin")
    mstore("rm", "risk@1", "--yes")
    done = mstore("ls", "risk")
    assert (done.out, done.err) == ("", "no live versions of risk: --all lists the deleted ones\n")


def test_show_has_a_fact_on_every_line(mstore: Run, home: Path) -> None:
    mstore("save", "risk", "new.bin", "--metric", "auc=.93", "--param", "layers=[3, 4]", "--lineage", "run=r1")
    facts = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in lines(mstore("show", "risk")))
    assert facts["ref"] == "risk@1"
    assert facts["metrics.auc"] == "0.93"
    assert facts["params.layers"] == "[3, 4]"
    assert facts["lineage.run"] == "r1"
    assert facts["size"] == "12.7 KiB (13000 bytes)"
    assert facts["files.new.bin"].startswith("12.7 KiB  sha256:")
    assert facts["url"].startswith(str(home / "models"))


def test_show_says_what_became_of_a_version(mstore: Run) -> None:
    mstore("save", "risk", "old.bin", "--key", "k")
    mstore("save", "risk", "new.bin", "--key", "k")
    shown = mstore("show", "risk@1").out
    assert re.search(r"^state +superseded$", shown, re.MULTILINE)
    assert re.search(r"^superseded_by +2$", shown, re.MULTILINE)


def test_pull_copies_the_files_and_prints_where(mstore: Run, risk: str, home: Path) -> None:
    done = mstore("pull", "risk@champion", "out/model")
    assert (done.code, done.out) == (0, "out/model\n")
    assert done.err == "pulled risk@1: 1 file, 11 B, every byte checked\n"
    assert (home / "out/model/old.bin").read_bytes() == b"old weights"


def test_pull_as_json_names_the_version_too(mstore: Run, risk: str) -> None:
    document = mstore("pull", "risk", "out", "--json").document
    assert (document["path"], document["version"]["ref"]) == ("out", "risk@2")


def test_pull_refuses_a_folder_that_holds_something(mstore: Run, risk: str) -> None:
    assert mstore("pull", "risk", ".").code == 2


def test_diff_shows_what_differs(terminal: Run, risk: str) -> None:
    assert [" ".join(line.split()) for line in lines(terminal("diff", "risk@1", "risk@2"))] == [
        "metrics @1 @2 change",
        "auc 0.9 0.93 +0.03",
        "loss 0.2",
        "",
        "tags @1 @2",
        "team fraud",
        "",
        "version @1 @2 change",
        "description more data",
        "size 11 13000 +12989",
        "",
        "files @1 @2",
        "old.bin 11 bytes 71aa40389f7b",
        "new.bin 13,000 bytes a1adf2ee1317",
    ]


def test_diff_in_a_pipe_is_a_line_each(mstore: Run, risk: str) -> None:
    found = [line.split() for line in lines(mstore("diff", "risk@1", "risk@2", "risk@1"))]
    assert found[0] == [
        "field",
        "risk@1",
        "(1)",
        "risk@2",
        "change",
        "risk@2",
        "risk@1",
        "(3)",
        "change",
        "risk@1",
        "(3)",
    ]
    assert found[1] == ["metrics.auc", "0.9", "0.93", "0.03", "0.9", "0.0"]


def test_diff_takes_more_than_two(terminal: Run, risk: str) -> None:
    done = terminal("diff", "risk@1", "risk@2", "risk@champion")
    assert done.err == "risk@1, risk@2 and risk@1: 7 differences\n"
    assert " ".join(lines(done)[1].split()) == "auc 0.9 0.93 +0.03 0.9 +0"


def test_diff_of_a_version_with_itself_is_empty(mstore: Run, risk: str) -> None:
    done = mstore("diff", "risk@1", "risk@champion")
    assert (done.code, done.out, done.err) == (0, "", "risk@1 and risk@1: no difference\n")


def test_history_says_who_when_and_why(terminal: Run, mstore: Run, risk: str) -> None:
    mstore("promote", "risk@2", "champion", "--improves", "auc=.1")
    mstore("promote", "risk@2", "champion", "--at-least", "auc=.9", "--reason", "better on March")
    shown = lines(terminal("history", "risk", width=140))
    assert [re.split(r"\s{2,}", line.strip()) for line in shown[:4]] == [
        ["seq", "time", "what", "actor", "reason", "verb", "evidence"],
        ["4", NOW, "champion 1 → 2", "ada", "better on March", "promote", "auc 0.93 against 0.9 passed"],
        ["3", NOW, "champion 1 → 2 refused", "ada", "promote", "auc 0.93 against 0.9 refused"],
        ["2", NOW, "version 2 created", "ada", "save"],
    ]


def test_what_happened_is_a_phrase_each(terminal: Run, risk: str) -> None:
    store = ModelStore("./models", actor="ada")
    store.annotate("risk@2", checks={"drift": True})
    store.request_approval("risk@2", "champion")
    store.approve("risk@2", "champion")
    store.reject("risk@2", "champion")
    store.protect("risk", "champion", [AtLeast("auc", 0.9)])
    store.annotate("risk@2", tags={"a": "b"})
    store.promote("risk@2", "shadow")
    store.unalias("risk", "shadow")
    store.delete("risk@2")
    store.rename("risk", "risk.churn")

    rows = [re.split(r"\s{2,}", line.strip()) for line in lines(terminal("history", "risk.churn", width=200))[1:]]
    assert [row[2] for row in rows][::-1] == [
        "version 1 created",
        "champion → 1",
        "version 2 created",
        "version 2 checked",
        "champion → 2 requested",
        "champion → 2 approved",
        "champion → 2 rejected",
        "champion rules changed",
        "version 2 annotated",
        "shadow → 2",
        "shadow 2 → none",
        "version 2 deleted",
        "model once risk",
    ]
    assert "model now risk.churn" in terminal("history", "risk", "--limit", "1").out


def test_history_in_a_pipe_has_whole_sentences(mstore: Run, risk: str) -> None:
    mstore("promote", "risk@2", "champion", "--improves", "auc=.1")
    said = "risk@2 has auc = 0.93, risk@1 has auc = 0.9; needed: auc above the current version's by at least 0.1"
    assert lines(mstore("history", "risk", "--limit", "1"))[1].endswith(said)


def test_changes_since_a_cursor(mstore: Run, risk: str) -> None:
    first = mstore("changes", "--json").document
    mstore("promote", "risk@2", "champion")
    then = mstore("changes", "--cursor", first["cursor"], "--json").document
    assert [event["kind"] for event in first["events"]] == ["version.created", "alias.moved", "version.created"]
    assert [(event["kind"], event["id"]) for event in then["events"]] == [("alias.moved", "risk:3")]


def test_changes_say_how_to_go_on(mstore: Run, risk: str) -> None:
    done = mstore("changes")
    count, following = done.err.splitlines()
    assert (count, len(done.out.splitlines())) == ("3 changes", 4)
    words = following.removeprefix("next: mstore ").split()
    assert mstore(*words).err.splitlines()[0] == "0 changes"


def test_a_cursor_too_long_for_a_command_line_is_not_printed(mstore: Run) -> None:
    store = ModelStore("./models")
    for number in range(15):
        store.save(Path("old.bin"), f"a-model-with-a-rather-long-name-{number}")
    assert mstore("changes").err.splitlines() == ["15 changes", "next time, use --cursor-file or --json"]


def test_a_cursor_file_remembers_how_far_it_was_read(mstore: Run, risk: str, home: Path) -> None:
    first = mstore("changes", "--cursor-file", "cursor")
    mstore("promote", "risk@2", "champion")
    then = mstore("changes", "--cursor-file", "cursor")
    assert (first.err, then.err) == ("3 changes\n", "1 change\n")
    assert sorted(path.name for path in home.iterdir()) == ["cursor", "models", "new.bin", "old.bin"]


@pytest.mark.parametrize("content", [b"no cursor", b"\xff"])
def test_a_cursor_file_that_is_none_is_left_alone(mstore: Run, risk: str, home: Path, content: bytes) -> None:
    (home / "cursor").write_bytes(content)
    assert mstore("changes", "--cursor-file", "cursor").code == 2
    assert (home / "cursor").read_bytes() == content


@pytest.mark.parametrize("place", ["models", "no/such/folder"])
def test_a_cursor_that_cannot_be_written_is_an_error(mstore: Run, risk: str, place: str) -> None:
    done = mstore("changes", "--cursor-file", place)
    assert (done.code, "cannot be" in done.err) == (2, True)


def test_a_cursor_that_cannot_be_put_in_place_leaves_nothing_behind(home: Path) -> None:
    (home / "folder").mkdir()
    before = sorted(home.iterdir())
    with pytest.raises(InvalidInput, match="cannot be written"):
        cursors.write(home / "folder", "cursor")
    assert sorted(home.iterdir()) == before


@pytest.mark.parametrize("verb", [("ls",), ("ls", "m"), ("show", "m"), ("history", "m"), ("diff", "m@1", "m@2")])
def test_nothing_stored_reaches_a_terminal_raw(mstore: Run, terminal: Run, verb: tuple[str, ...]) -> None:
    hostile = "\x1b[2J\r\x9b31m\u202e"
    store = ModelStore("./models", actor=f"a{hostile}")
    for text in ("", hostile):
        store.save(
            *(Path("old.bin"), "m"),
            metrics={f"x{text}": 1},
            params={f"p{text}": {text: text}},
            tags={f"t{text}": text},
            description=text,
        )
    store.promote("m@2", "prod", reason=hostile)
    for done in (mstore(*verb), terminal(*verb, width=400)):
        assert done.code == 0
        assert all(line.isprintable() for line in (done.out + done.err).split("\n"))
    assert mstore(*verb, "--json").out.isascii()


def test_colours_only_on_a_terminal_that_wants_them(terminal: Run, mstore: Run, risk: str) -> None:
    assert "\x1b[" in terminal("ls", "risk", colour=True).out
    assert "\x1b[" in terminal("show", "risk@9", colour=True).err
    assert "\x1b[" not in terminal("ls", "risk").out
    assert "\x1b[" not in mstore("ls", "risk").out


def test_a_dumb_terminal_gets_no_colours(terminal: Run, risk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in terminal("ls", "risk", colour=True).out


def test_colours_change_no_text(terminal: Run, risk: str) -> None:
    for verb in (("ls",), ("ls", "risk"), ("show", "risk@1"), ("history", "risk")):
        plain, coloured = terminal(*verb).out, terminal(*verb, colour=True).out
        assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
