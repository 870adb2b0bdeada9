"""Every notebook runs from top to bottom, on demo data."""

import json
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# Fewer images and epochs and the tiny backbone: what a day can wait for.
QUICKLY = {
    '{"train": 48, "val": 16}': '{"train": 6, "val": 4}',
    '"mobilenet_025", "--epochs", "6"': '"tiny", "--weights", "random", "--epochs", "1"',
    # A model that was hardly trained has no best image; which ones it missed is always drawn.
    'run / "best.png"': 'run / "missed.png"',
    '"192x256"': '"64x64", "--batch-size", "4", "--views", "1"',
}


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Nothing is kept where users keep it."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


def code_cells(path):
    """Return the code of a notebook's cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_there_is_a_quickstart():
    assert [path.name for path in NOTEBOOKS][0] == "01_quickstart.ipynb"


@each_notebook
def test_its_cells_run_one_after_the_other(path, tmp_path, monkeypatch, tiny_backbones):
    """On a few images; the run ends with code 0, and its report is read by the cells behind it."""
    monkeypatch.chdir(path.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "\n".join(code_cells(path))
    for usual, quick in QUICKLY.items():
        assert code.count(usual) == 1, usual
        code = code.replace(usual, quick)
    names = {}
    exec(compile(code, path.name, "exec"), names)
    assert names["exit_code"] == 0
    assert names["report"]["n_images"] == 4 and (names["exported"] / "parity.json").is_file()


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(path):
    nbclient = pytest.importorskip("nbclient", reason='needs nbclient: pip install -e ".[dev]"')
    nbformat = pytest.importorskip("nbformat", reason='needs nbformat: pip install -e ".[dev]"')
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit notebooks without outputs"
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    words = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    exit_cell = next(cell for cell in notebook.cells if cell.source.endswith("exit_code"))
    assert exit_cell.outputs[-1]["data"]["text/plain"] == "0"
    assert any("report.json" in source for source in words)
