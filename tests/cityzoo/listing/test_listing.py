"""Lists of tasks, backbones and runs: planted runs, damaged ones with the reason, a page that sorts."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cityzoo import tasks
from cityzoo.__main__ import main
from cityzoo.commands.runs import HEADINGS, SORTS
from cityzoo.commands.train_flags import print_list
from cityzoo.errors import InputError
from cityzoo.fit.run_lock import lock_run
from cityzoo.listing import catalog, runs

ROOT = Path(__file__).resolve().parents[3]


def make_run(folder, task="vehicle_detect", metric="AP50", value=0.5, minutes=2, day=1, **more):
    """The files of a finished run that the list reads."""
    folder.mkdir(parents=True)
    spec = {"format_version": 2, "run": {"task": task, "backbone": "tiny", "data": "/srv/ann/street"}}
    (folder / "spec.json").write_text(json.dumps(spec))
    report = {
        "task": task,
        "backbone": "tiny",
        metric: value,
        "loss": 9.0,
        "intervals": {metric: [value - 0.1, value + 0.1]},
        "seconds": {"total": 60.0 * minutes},
        **more,
    }
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "report.html").write_text("<html>")
    with zipfile.ZipFile(folder / "model.keras", "w") as file:
        file.writestr("config.json", "{}")
    os.utime(folder / "report.json", (86400 * day, 86400 * day + 43200))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Three finished runs, one of them in a folder of its own, and one of repeats."""
    make_run(tmp_path / "runs/a", value=0.5, minutes=3, day=1)
    make_run(tmp_path / "runs/deep/b", value=0.75, minutes=1, day=3)
    make_run(tmp_path / "runs/c", task="vehicle_count", metric="mae", value=2.5, minutes=2, day=2)
    repeated = make_run(tmp_path / "runs/d", value=0.6, day=4, repeats={"repeat 1": {}})
    make_run(repeated / "repeat-1")
    (repeated / "model.keras").unlink()
    (tmp_path / "runs/selection").mkdir()
    (tmp_path / "runs/selection/report.json").write_text("{}")  # of another command: no run
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("date", ["d", "deep/b", "c", "a"]),
        ("metric", ["c", "deep/b", "d", "a"]),
        ("minutes", ["a", "c", "d", "deep/b"]),
        ("folder", ["a", "c", "d", "deep/b"]),
    ],
)
def test_rows_are_read_and_sorted(folder, by, order, capsys):
    """Values as planted; repeats are one run; a folder without a run is none."""
    assert main(["runs", str(folder), "--sort", by, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    if by == "minutes":  # c and d took as long
        assert [row["minutes"] for row in rows] == [3, 2, 2, 1]
    else:
        assert [row["folder"] for row in rows] == order
    first = next(row for row in rows if row["folder"] == "a")
    assert {row["state"] for row in rows} == {"finished"}
    assert (first["metric"], first["value"], first["interval"]) == ("AP50", 0.5, [0.4, 0.6])
    assert (first["data"], first["backbone"], first["date"][:10]) == ("street", "tiny", "1970-01-02")


def test_every_sort_is_a_key_and_every_heading_a_field():
    """The flag is written before anything is imported."""
    assert set(SORTS) == set(runs.KEYS)
    assert set(HEADINGS) <= set(runs.RunRow.__dataclass_fields__)


def test_damaged_runs_are_listed_with_the_reason(folder, capsys):
    """Every kind of damage is a row; what is not damaged is still read."""
    for name in ("spec", "cut", "list", "model", "zip", "null", "bytes"):
        make_run(folder / name)
    (folder / "spec/spec.json").unlink()
    text = (folder / "cut/report.json").read_text()
    (folder / "cut/report.json").write_text(text[: len(text) // 2])
    (folder / "list/report.json").write_text("[1]")
    (folder / "model/model.keras").unlink()
    (folder / "zip/model.keras").write_bytes(b"PK no zip")
    (folder / "null/report.json").write_text(
        '{"task": null, "backbone": 3, "AP": "?", "seconds": 3, "intervals": [1]}'
    )
    (folder / "bytes/spec.json").write_bytes(b"\xff\xfe\x00")
    shutil.rmtree(folder / "a")
    make_run(folder / "a")
    (folder / "a/report.json").unlink()
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "linked").symlink_to(folder / "c", target_is_directory=True)
    rows = {row.folder: row for row in runs.find_runs(folder)}
    reasons = {name: row.reason for name, row in rows.items() if row.state == "damaged"}
    assert reasons == {
        "spec": "spec.json is missing",
        "cut": "report.json cannot be read (JSONDecodeError)",
        "list": "report.json holds no mapping",
        "model": "model.keras is missing",
        "zip": "model.keras is cut off or no model",
        "bytes": "spec.json cannot be read (UnicodeDecodeError)",
    }
    assert rows["cut"].task == "vehicle_detect" and rows["spec"].value == 0.5
    assert rows["a"].state == "unfinished" and "--resume" in rows["a"].reason
    assert rows["null"].value is None and rows["linked"].metric == "mae"
    assert main(["runs", str(folder), "--sort", "metric"]) == 0
    page = capsys.readouterr().out
    assert all(f"{name}: damaged: {reason}\n" in page for name, reason in reasons.items())


def test_a_run_that_is_trained_is_not_damaged(folder):
    """Another process holds its lock."""
    (folder / "a/model.keras").write_bytes(b"half")
    program = "import sys; from pathlib import Path; from cityzoo.fit.run_lock import lock_run\n"
    program += "with lock_run(Path(sys.argv[1])): print(flush=True); input()"
    command = [sys.executable, "-c", program, str(folder / "a")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, env={**os.environ, "PYTHONPATH": str(ROOT)}) as trains:
        trains.stdout.readline()
        states = {row.folder: row.state for row in runs.find_runs(folder)}
        trains.communicate(b"\n")
    assert states["a"] == "training" and states["c"] == "finished"
    with lock_run(folder / "a"):
        pass


def test_a_task_that_no_run_has_is_refused(folder, capsys):
    """And one that some have is counted."""
    with pytest.raises(InputError, match="vehicle_detect"):
        main(["runs", str(folder), "--task", "vehicle_detekt"])
    assert main(["runs", str(folder), "--task", "vehicle_count"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 4 runs"


def test_an_empty_folder_says_what_to_do(tmp_path, capsys, monkeypatch):
    """The default folder may be missing; a folder given by the user must exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for words in (["runs"], ["runs", "empty"]):
        assert main(words) == 0
        assert "train.py" in capsys.readouterr().out
    with pytest.raises(InputError, match="'gone' does not exist"):
        main(["runs", "gone"])


def test_the_page_has_every_number_and_a_script_that_sorts(folder, tmp_path):
    """Links lead to the reports; names are escaped; nothing of the outside is loaded; other pages have no script."""
    (folder / "c/report.json").write_text("{")
    make_run(folder / "<b>evil", value=0.25)
    page = tmp_path / "pages/runs.html"
    assert main(["runs", str(folder), "--out", str(page)]) == 0
    html = page.read_text()
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert (numbers["n_runs"], numbers["n_finished"], numbers["n_damaged"]) == (5, 4, 1)
    assert numbers["not_finished"]["c"]["state"] == "damaged"
    assert 'class="sortable"' in html and html.count("<script>") == 1 and "<b>evil" not in html
    assert 'href="../runs/deep/b/report.html"' in html
    assert (page.parent / "../runs/deep/b/report.html").is_file()
    assert not re.search(r"https?:|<link|@import|<iframe|javascript:", html) and "Evaluated on" not in html
    assert str(tmp_path) not in html
    for wrong in ("runs.txt", "pages/runs.html/x.html"):
        with pytest.raises(InputError, match="--out"):
            main(["runs", str(folder), "--out", str(tmp_path / wrong)])


def test_tasks_and_backbones_are_those_of_train_list(capsys):
    """One list: every task, and the lines of train.py --list for the backbones."""
    assert main(["tasks", "--json"]) == 0
    assert [row["task"] for row in json.loads(capsys.readouterr().out)] == tasks.names()
    assert main(["tasks"]) == 0
    page = capsys.readouterr().out.splitlines()
    assert len(page) == 1 + len(tasks.names()) and page[0].startswith("task ")
    assert main(["backbones"]) == 0
    lines = capsys.readouterr().out
    print_list()
    assert capsys.readouterr().out.startswith(lines)
    assert main(["backbones", "audio", "--json"]) == 0
    assert {row["modality"] for row in json.loads(capsys.readouterr().out)} == {"audio"}
    with pytest.raises(InputError, match="'image'"):
        catalog.backbone_lines("imag")


def test_sorting_in_a_browser(folder, tmp_path):
    """A click sorts numbers as numbers, a second one the other way round."""
    sync = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium is installed")
    make_run(folder / "e", value=0.05, minutes=10)
    (folder / "e/report.json").rename(folder / "e/report.txt")
    make_run(folder / "f", value=0.1, minutes=10)
    page = tmp_path / "runs.html"
    assert main(["runs", str(folder), "--out", str(page)]) == 0
    with sync.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        names = "[...document.querySelectorAll('.sortable tbody th')].map(cell => cell.textContent.trim())"
        tab.get_by_role("button", name="minutes").click()
        up = tab.evaluate(names)
        tab.get_by_role("button", name="minutes").click()
        down = tab.evaluate(names)
        assert tab.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
        browser.close()
    assert up[0] == "deep/b" and up[-2:] == ["f", "e"]
    assert down[0] == "f" and down[-2:] == ["deep/b", "e"]
