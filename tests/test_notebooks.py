"""Every notebook runs from top to bottom, on demo data."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason='needs nbclient: pip install -e ".[dev]"')
nbformat = pytest.importorskip("nbformat", reason='needs nbformat: pip install -e ".[dev]"')

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_there_is_a_quickstart():
    assert [path.name for path in NOTEBOOKS][0] == "01_quickstart.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit notebooks without outputs"
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    words = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    exit_cell = next(cell for cell in notebook.cells if cell.source.endswith("exit_code"))
    assert exit_cell.outputs[-1]["data"]["text/plain"] == "0"
    assert any("report.json" in source for source in words)
