"""The rules of the house, read from the sources themselves, and every example in a docstring run."""

import ast
import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAVES = ("zoo", "augment", "heads")
PACKAGES = (*LEAVES, "cityzoo")
LIBRARY = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
SCRIPTS = [ROOT / "train.py", ROOT / "evaluate.py"]
TREES = {file: ast.parse(file.read_text()) for file in [*LIBRARY, *SCRIPTS]}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools", "stuff"}
LINES_IN_A_FILE, LINES_IN_A_FUNCTION = 250, 40
TABLES = {"zoo/registry.py"}  # one line a backbone


def name_of(file):
    """The module's dotted name."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


each_module = pytest.mark.parametrize("file", LIBRARY, ids=name_of)
each_file = pytest.mark.parametrize("file", [*LIBRARY, *SCRIPTS], ids=name_of)
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def imported(nodes):
    """Dotted names of the modules that some statements import; `from a import b` counts as a and a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def runs_at_import(tree):
    """Statements that run when a module is imported: none in functions, none for type checkers alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            typing_alone = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            if not isinstance(child, (*Function, ast.Lambda)) and not typing_alone:
                waiting.append(child)


def belongs_to(name, *packages):
    """Whether a dotted name lies in one of some packages."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@each_module
def test_imports_run_downwards(file):
    """Leaves know neither each other nor cityzoo; nothing knows the scripts; nothing is imported relatively."""
    package = file.relative_to(ROOT).parts[0]
    above = ["train", "evaluate", "tests"]
    if package in LEAVES:
        above += [other for other in PACKAGES if other != package]
    found = set(imported(ast.walk(TREES[file])) if all_absolute(file) else ())
    assert sorted(name for name in found if belongs_to(name, *above)) == []


def all_absolute(file):
    """Whether no import begins with a dot."""
    relative = [n for n in ast.walk(TREES[file]) if isinstance(n, ast.ImportFrom) and n.level]
    assert relative == [], "relative imports hide where a name comes from"
    return True


LOW = ("sample", "spec", "errors", "model", "data", "kinds", "views", "predict", "transfer")


@pytest.mark.parametrize(
    "file", [f for f in LIBRARY if belongs_to(name_of(f), *(f"cityzoo.{name}" for name in LOW))], ids=name_of
)
def test_what_serves_knows_neither_training_nor_reports(file):
    """Not when it is imported."""
    found = set(imported(runs_at_import(TREES[file])))
    assert sorted(name for name in found if belongs_to(name, "cityzoo.fit", "cityzoo.report")) == []


@each_module
def test_reports_do_not_need_training(file):
    """A report is written where nothing can be trained."""
    if belongs_to(name_of(file), "cityzoo.report"):
        assert not [name for name in imported(runs_at_import(TREES[file])) if belongs_to(name, "cityzoo.fit")]


@each_module
def test_no_print_no_assert_no_bare_except(file):
    """Words go to `logging`, wrong input is raised, errors that are caught are named."""
    for node in ast.walk(TREES[file]):
        is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        bare = isinstance(node, ast.ExceptHandler) and node.type is None
        assert not (is_print or bare or isinstance(node, ast.Assert)), f"{file}:{node.lineno}"


def code_lines(function):
    """Lines of a function without its docstring."""
    body = function.body
    words = body[0] if ast.get_docstring(function) is not None else None
    return function.end_lineno - function.lineno + 1 - (words.end_lineno - words.lineno + 1 if words else 0)


@each_file
def test_files_and_functions_are_short(file):
    """250 lines and 40."""
    if str(file.relative_to(ROOT).as_posix()) not in TABLES:
        assert len(file.read_text().splitlines()) <= LINES_IN_A_FILE
    functions = [node for node in ast.walk(TREES[file]) if isinstance(node, Function)]
    long = {function.name: code_lines(function) for function in functions}
    assert {name: lines for name, lines in long.items() if lines > LINES_IN_A_FUNCTION} == {}


@each_file
def test_what_is_public_is_documented(file):
    """The module, its classes and functions, and their methods."""
    assert ast.get_docstring(TREES[file]), "the module says nothing of itself"
    outer = [node for node in TREES[file].body if isinstance(node, (*Function, ast.ClassDef))]
    classes = [node for node in outer if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    inner = [method for node in classes for method in node.body]
    public = [
        n for n in [*outer, *inner] if isinstance(n, (*Function, ast.ClassDef)) and not n.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@each_module
def test_public_functions_have_type_hints(file):
    """Every argument but tensors of any backend, which have no common type, in the leaves."""
    if file.relative_to(ROOT).parts[0] in LEAVES:
        return
    for node in TREES[file].body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert [argument.arg for argument in arguments if argument.annotation is None] == [], node.name


def test_no_file_has_a_name_that_says_nothing():
    """A name is what the file is about."""
    names = {file.stem for file in ROOT.rglob("*.py") if ".venv" not in file.parts}
    assert names & VAGUE == set()


def test_tests_mirror_the_tree():
    """tests/zoo/test_registry.py tests zoo/registry.py."""
    across = {
        "test_package",
        "test_readme",
        "test_real_data",
        "test_backends",
        "test_strategy",
        "test_every_backbone",
    }
    files = [*LIBRARY, *(ROOT / "benchmarks").glob("*.py")]
    sources = {file.relative_to(ROOT).with_suffix("") for file in files}
    packages = {path.parent for path in sources}
    strays = []
    for test in (ROOT / "tests").rglob("test_*.py"):
        place = test.relative_to(ROOT / "tests").parent
        source = place / test.stem.removeprefix("test_")
        known = {source, source / "__init__", place / f"__{source.name}__"} & sources or place in packages
        if not known and test.stem not in across and place != Path():
            strays.append(str(test.relative_to(ROOT)))
    assert strays == []


def test_importing_the_packages_loads_nothing_heavy():
    """Help, lists and messages about wrong flags come at once."""
    modules = [
        *PACKAGES,
        "cityzoo.commands.train_flags",
        "cityzoo.evaluation.evaluation_data",
        "cityzoo.data.image",
        "cityzoo.tasks",
    ]
    script = (
        f"import sys, json, {', '.join(modules)}\n"
        "print(json.dumps(sorted({'tensorflow', 'keras', 'jax', 'matplotlib', 'faster_coco_eval'} & set(sys.modules))))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []


@each_module
def test_examples_in_docstrings_run(file, monkeypatch, tmp_path):
    """As they stand."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    module = importlib.import_module(name_of(file))
    finder, runner, said = doctest.DocTestFinder(), doctest.DocTestRunner(), []
    for example in finder.find(module, name_of(file)):
        runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
