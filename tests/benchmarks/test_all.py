"""One table of quick commands: what it lists exists, and an entry runs."""

import re

import pytest

from benchmarks import all as quick

ROOT = quick.ROOT


def test_one_entry_runs_and_the_table_has_its_row(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(quick.QUICK, "tasks", "-c \"print('val, 3 images: AP 0.5'); print('report: a/b')\"")
    quick.run(quick.parser().parse_args(["--quick", "--only", "tasks", "--out", str(tmp_path / "a.md")]))
    table = capsys.readouterr().out
    assert re.search(
        r"^\| tasks \| `python -c .*` \| \d+\.\d \| 0 \| val, 3 images: AP 0\.5 \|$", table, re.M
    )
    assert re.match(r".+, \d+ cores, \d+ GB, .+tensorflow", table)
    assert (tmp_path / "a.md").read_text() == table


def test_a_failed_command_is_an_error_after_the_table(capsys, monkeypatch):
    monkeypatch.setitem(quick.QUICK, "tasks", '-c "import sys; print(1); sys.exit(3)"')
    with pytest.raises(RuntimeError, match="tasks"):
        quick.run(quick.parser().parse_args(["--quick", "--only", "tasks"]))
    assert "| 3 | 1 |" in capsys.readouterr().out


def test_nothing_runs_unless_asked_for():
    with pytest.raises(ValueError, match="--quick"):
        quick.run(quick.parser().parse_args([]))


def test_the_list_has_every_file_of_results():
    listed = quick.list_entries()
    for page in (ROOT / "benchmarks" / "results").glob("*.md"):
        assert re.search(rf"^  {page.stem} +python ", listed, re.MULTILINE), (
            f"add {page.name} to docs/reproducing.md"
        )


@pytest.mark.slow
def test_a_real_entry():
    assert quick.run_entry("tasks", ROOT).code == 0


def test_results_are_found():
    text = "Epoch 1\rval, 3 images: AP 0.1\nval, 3 images: AP 0.2\nreport: a/b\n"
    assert quick.find_result(text) == "val, 3 images: AP 0.2"
    assert quick.find_result("a\nb | c\n\n") == "b / c"
    assert quick.find_result('{"question to answer": {\n  "p50": 0.25,', quick.RESULT["answering"]) == (
        '"question to answer": { "p50": 0.25'
    )
    assert quick.find_result("") == ""
