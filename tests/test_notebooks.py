"""Notebooks are committed with what their cells show; every cell runs, and shows the same kinds of output again."""

import importlib.machinery
import importlib.util
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.test_house import DIALECT_PHRASES

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 500 * 1024  # bytes
PLACE = re.compile(r"(?:/(?:home|root|Users|tmp|work|private|var)\b|[A-Z]:\\)")
# A duration, as progress bars and logs have it; milliseconds that a benchmark measured are results.
DURATION = re.compile(r"\d+m?s/(?:step|view|image|epoch)")
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def runner():
    """What runs notebooks and writes their outputs, .ci/notebooks."""
    for name in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(name, reason=f'needs {name}: pip install -e ".[dev]"')
    loader = importlib.machinery.SourceFileLoader("notebook_runner", str(ROOT / ".ci" / "notebooks"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def cells_of(path, kind="code"):
    """Cells of a notebook, of one kind."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def shown(path):
    """All words that a notebook's outputs show."""
    outputs = [each for cell in cells_of(path) for each in cell["outputs"]]
    texts = [each.get("text", []) for each in outputs]
    texts += [
        text for each in outputs for kind, text in each.get("data", {}).items() if kind.startswith("text/")
    ]
    return "\n".join("".join(text) for text in texts)


def test_they_are_numbered_from_one():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{n:02}_" for n in range(1, len(NOTEBOOKS) + 1)]


def test_all_begin_with_the_same_cell():
    """It fetches cityzoo in a hosted notebook, finds train.py, and moves to a folder of its own."""
    assert len({"".join(cells_of(path)[0]["source"]) for path in NOTEBOOKS}) == 1


@each_notebook
def test_its_outputs_are_committed(path):
    """Of every cell, in order; no error; the last picture is worth the way there."""
    assert path.stat().st_size <= LARGEST
    cells = cells_of(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [each for cell in cells for each in cell["outputs"]]
    assert all(each["output_type"] != "error" for each in outputs)
    assert "image/png" in [kind for each in cells[-1]["outputs"] for kind in each.get("data", {})]


@each_notebook
def test_its_outputs_name_no_place_and_no_duration(path):
    assert PLACE.findall(shown(path)) == [] and DURATION.findall(shown(path)) == []


@each_notebook
def test_its_cells_are_short(path):
    code = ["".join(cell["source"]) for cell in cells_of(path)[1:]]
    assert max(len(source.splitlines()) for source in code if not source.startswith("%%writefile")) <= 15
    assert all("".join(cell["source"]).strip() for cell in cells_of(path))


@each_notebook
def test_its_commands_exist(path):
    """`%run` names train.py, evaluate.py or a command of cityzoo."""
    source = "\n".join("".join(cell["source"]) for cell in cells_of(path)).replace("\\\n", " ")
    commands = [shlex.split(line) for line in re.findall(r"^ *%run (?:-e )?(.*)", source, re.M)]
    assert commands
    for words in commands:
        if words[0] == "-m":
            module = f"cityzoo/commands/{words[2].replace('-', '_')}.py"
            assert words[1] == "cityzoo" and (ROOT / module).is_file()
        else:
            assert words[0] in ("$ROOT/train.py", "$ROOT/evaluate.py")


@each_notebook
def test_the_page_of_notebooks_has_it(path):
    assert f"(../notebooks/{path.name})" in (ROOT / "docs" / "notebooks.md").read_text()


@pytest.mark.slow
@each_notebook
def test_every_cell_runs_and_shows_what_is_committed(path, runner, tmp_path):
    """With little data and few epochs, in a home of its own: as many cells, and of each the same kinds of output."""
    homes = {name: str(tmp_path) for name in ("CITYZOO_HOME", "KERAS_HOME", "TMPDIR")}
    fresh = runner.run(path, path.parent, CITYZOO_QUICK="1", **homes)
    found = [runner.kinds(cell) for cell in fresh.cells if cell.cell_type == "code"]
    assert found == [runner.kinds(cell) for cell in cells_of(path)]


@pytest.mark.slow
def test_elsewhere_the_first_cell_says_what_to_do(runner, tmp_path):
    import nbformat

    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:1]
    nbformat.write(notebook, tmp_path / "first.ipynb")
    with pytest.raises(runner.nbclient.exceptions.CellExecutionError, match="no train.py: start Jupyter in"):
        runner.run(tmp_path / "first.ipynb", tmp_path, PATH=os.environ["PATH"])


@each_notebook
def test_its_text_is_plain_english(path):
    """The rule of docstrings and documents holds for the cells of text, too."""
    words = " ".join("".join(cell["source"]) for cell in cells_of(path, "markdown"))
    assert DIALECT_PHRASES.findall(words) == []
