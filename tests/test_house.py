"""The rules of the house, read from the sources themselves, and every example in a docstring run."""

import ast
import doctest
import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEAVES = ("zoo", "augment", "heads")
PACKAGES = (*LEAVES, "cityzoo")
LIBRARY = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
SCRIPTS = [ROOT / "train.py", ROOT / "evaluate.py"]
TREES = {file: ast.parse(file.read_text()) for file in [*LIBRARY, *SCRIPTS]}
NODES = {file: list(ast.walk(tree)) for file, tree in TREES.items()}
LINES_IN_A_FILE, LINES_IN_A_FUNCTION = 250, 40
TABLES = {"zoo/registry.py"}  # one line per backbone
LAYERS = """
augment:
heads:
zoo:
errors:
cache_dir:
replace_file:
sample:
backend: errors
cli: errors backend augment
spec: errors replace_file cli augment
task_file: errors cli
data: GROUND cli augment
metrics: GROUND data
visualize: GROUND cli data metrics augment
alarms: GROUND data metrics
runtime: GROUND heads augment zoo
monitor: errors replace_file cli alarms runtime
demo: GROUND data
outputs: GROUND cli data metrics visualize heads zoo
model: GROUND outputs zoo heads
predict: GROUND data outputs model
peft: GROUND spec model zoo
transfer: GROUND model zoo
modalities: GROUND cli spec data metrics monitor outputs model predict peft transfer LEAVES
tasks: GROUND cli spec task_file data demo outputs modalities
spec_file: GROUND cli spec tasks
fit: GROUND cli spec spec_file data visualize demo outputs model predict peft modalities tasks LEAVES
evaluation: GROUND spec data metrics visualize alarms monitor outputs model predict modalities tasks fit zoo augment
report: GROUND spec data metrics visualize outputs model modalities tasks fit evaluation
tune: GROUND cli spec spec_file data metrics outputs model predict modalities tasks fit evaluation report
security: errors cache_dir replace_file cli runtime
redact: GROUND runtime cli data augment heads
export: GROUND runtime cli spec data metrics visualize outputs model modalities tasks fit evaluation report LEAVES
compress: GROUND runtime spec outputs model predict modalities tasks fit evaluation report export zoo
fuse: GROUND spec data metrics outputs model predict modalities tasks fit evaluation report compress LEAVES
selection: GROUND spec data metrics visualize outputs model modalities tasks fit evaluation report tune heads
traffic_signals: errors cli
answer: GROUND cli data metrics runtime report export model zoo
serve: errors cli replace_file runtime augment heads data security monitor redact answer
watch: GROUND cli spec_file runtime augment heads data alarms security redact monitor report
listen: GROUND runtime data metrics watch
align: GROUND cli spec data metrics visualize outputs model modalities tasks fit report redact LEAVES
pretrain: GROUND cli spec data metrics outputs model predict transfer modalities tasks fit evaluation report tune selection LEAVES
continual: GROUND cli spec data metrics visualize monitor outputs predict modalities tasks fit evaluation report tune zoo
loop: GROUND spec data metrics outputs modalities tasks fit evaluation report traffic_signals watch
doctor: GROUND cli data tasks fit runtime modalities report augment zoo
listing: GROUND tasks fit modalities report doctor
update: GROUND cli spec_file data tasks fit report serve
commands: GROUND runtime security monitor serve watch cli spec data demo modalities tasks fit evaluation compress fuse selection zoo continual update pretrain doctor listing
__main__: errors cli commands
train: cli spec commands
evaluate: cli security commands evaluation report
"""  # noqa: E501 - a layer is one line
LAYERS = LAYERS.replace("GROUND", "errors cache_dir replace_file sample backend").replace(
    "LEAVES", " ".join(LEAVES)
)
MAY_IMPORT = {row.split(":")[0]: set(row.split(":")[1].split()) for row in LAYERS.split("\n") if row}
BASES = tuple(
    f"cityzoo/modalities/{name}.py"
    for name in (
        "__init__",
        "annotation_export",
        "delivery",
        "example_sets",
        "identity",
        "labeled_modality",
        "model_checks",
        "renderer",
        "transfer",
    )
)
INHERITED = {"get_config", "call", "build", "compute_output_shape"} | {
    method.name
    for base in BASES
    for node in TREES[ROOT / base].body
    if isinstance(node, ast.ClassDef)
    for method in node.body
    if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef))
}
DEFERRED = set("modalities outputs tasks commands train evaluate".split())  # noqa: SIM905 - functions here are free
# What breaks the rules today: shorten these lists, never lengthen them.
KNOWN = json.loads((ROOT / "tests" / "ratchet.json").read_text())
KNOWN_IMPORTS = {tuple(known.split(" -> ")) for known in KNOWN["imports"]}  # "module -> layer": reason
KNOWN_NAMES = set(KNOWN["names"])


def name_of(file):
    """The module's dotted name."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


Function = (ast.FunctionDef, ast.AsyncFunctionDef)


MODULES = {name_of(file): file for file in TREES}


def layer_of(module):
    """Row of the table: a leaf, a script, or what comes behind `cityzoo.`."""
    return module.split(".")[1 if module.startswith("cityzoo.") else 0]


def own_imports(node, deferred=False):
    """Yield (module of this repository, whether a function imports it); imports for type checkers do not count."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        names = [alias.name for alias in child.names] if isinstance(child, ast.Import) else []
        if isinstance(child, ast.ImportFrom):
            names = [f"{child.module}.{alias.name}" for alias in child.names]
        for name in names:
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            if name:
                yield name, deferred
        yield from own_imports(child, deferred or isinstance(child, (*Function, ast.Lambda)))


def imports_against_the_table():
    """Yield (module, layer that it may not import)."""
    for module, file in MODULES.items():
        here = layer_of(module)
        for name, deferred in own_imports(TREES[file]):
            there = layer_of(name)
            free = deferred and here in DEFERRED and there not in ("train", "evaluate")
            if there not in MAY_IMPORT.get(here, ()) and there not in (here, "cityzoo") and not free:
                yield module, there


def test_imports_run_downwards():
    """One table: layer -> layers it may import. The package itself (`cityzoo.__version__`) is free to all."""
    found = set(imports_against_the_table())
    assert sorted(found - KNOWN_IMPORTS) == [], "imports that the table in this file does not allow"
    assert sorted(KNOWN_IMPORTS - found) == [], "solved: remove these from tests/ratchet.json"


def test_every_layer_has_a_row():
    """A new folder states what it may import, and a row names earlier rows only."""
    assert {layer_of(module) for module in MODULES} - {"cityzoo"} <= set(MAY_IMPORT)
    order = list(MAY_IMPORT)
    assert [row for row in order if not MAY_IMPORT[row] <= set(order[: order.index(row)])] == []


def test_no_relative_imports():
    """They hide where a name comes from."""
    dots = [n for nodes in NODES.values() for n in nodes if isinstance(n, ast.ImportFrom) and n.level]
    assert dots == []


def test_no_circles_between_files():
    """Neither directly nor over others; what a function imports does not count."""
    wanted = {
        module: {name for name, deferred in own_imports(TREES[file]) if not deferred and name != module}
        for module, file in MODULES.items()
    }
    while free := [module for module, names in wanted.items() if not names & wanted.keys()]:
        for module in free:
            del wanted[module]
    assert sorted(wanted) == [], "these import each other, or modules that do"


# Names: a function is an imperative verb with its object, a boolean begins with is, has or supports.
WORDS = {  # of names
    "preposition": """
        about at before behind beside between beyond by for in of over through under up without
    """,
    "third person": """
        applies brings draws exhausts gives goes heads heeds holds keeps knows learns looks makes needs
        reads says shows takes tells trains wants writes
    """,
    "participle": """
        chosen drawn found given hidden kept known lost said seen told written
    """,
    "dialect": """
        asked drawn figures heed heeds judge judged judgement lots oddities oddity picture pictures
        said telling told weighed
    """,
    "vague": """
        common helper helpers manager misc stuff tools util utils
    """,
    "odd": """
        beside blaze cells chips course crossing facts handon looks sides solid stains suspects telling
        verdict wants ways wording
    """,
}
WORDS = {sort: set(words.split()) for sort, words in WORDS.items()}
ALLOWED_ED = {
    "embed",
    "exceed",
    "feed",
    "need",
    "seed",
    "speed",
    "weighted",
}  # no participles, but weighted metrics
ADJECTIVES = {
    "augmented",
    "distributed",
    "pretrained",
    "shared",
    "unlabeled",
    "unlabelled",
    "weighted",
}  # names of files


def public_functions(tree):
    """Yield (node, whether it is a method), properties left out: they are nouns."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node, False
        elif isinstance(node, ast.ClassDef):
            yield from ((method, True) for method in node.body if isinstance(method, Function))


def naming_faults(name, is_method=False, is_property=False):
    """What is wrong with a function's name, or an empty list.

    Example: `of_run`, `reads_boxes`, `drawn`, `stretched` and the method `recalling` are refused.
    """
    words = name.split("_")
    keras_callback = re.fullmatch(r"on_(epoch|train|test|predict|batch)\w*", name)
    faults = [f"'{word}' is not a word of the field" for word in words if word in WORDS["dialect"]]
    if words[0] in WORDS["preposition"] and not keras_callback and not is_property:
        faults.append("begins with a preposition")
    if words[0] in WORDS["third person"]:
        faults.append("third person: use the imperative")
    alone = words[1:] == [] or words[1] in {"as", "by", "in", "of", "to"}
    ends = words[0].endswith("ed") and words[0] not in ALLOWED_ED
    if alone and not is_property and (ends or words[0] in WORDS["participle"]):
        faults.append("a participle: use the imperative")
    if is_method and not is_property and len(words) == 1 and re.fullmatch(r"\w{3,}ing", name):
        faults.append("a gerund: use the imperative")
    return faults


def all_naming_faults():
    """Yield ("module.function", fault) of everything public."""
    for module, file in MODULES.items():
        for node, is_method in public_functions(TREES[file]):
            is_property = any("property" in ast.dump(decorator) for decorator in node.decorator_list)
            if not node.name.startswith("_"):
                yield from (
                    (f"{module}.{node.name}", x) for x in naming_faults(node.name, is_method, is_property)
                )


def test_functions_are_named_by_imperative_verbs():
    """No prepositions or third persons first, no participles, no gerunds, no words of a private dialect."""
    found = dict(all_naming_faults())
    assert {name: fault for name, fault in found.items() if name not in KNOWN_NAMES} == {}
    assert sorted(KNOWN_NAMES - found.keys()) == [], "renamed: remove these from tests/ratchet.json"


@pytest.mark.parametrize(
    "name", ["of_run", "in_order_of", "by_node", "reads_boxes", "drawn", "stretched", "drawn_as"]
)
def test_odd_names_are_refused(name):
    """The rule refuses what it is meant for."""
    assert naming_faults(name)
    assert (
        not naming_faults("read_boxes")
        + naming_faults("on_epoch_end", True)
        + naming_faults("weighted_metrics")
    )
    assert naming_faults("recalling", is_method=True)


def test_no_file_has_a_name_that_says_nothing():
    """A file is named by the field's noun for what it holds."""
    names = {file.stem for file in ROOT.rglob("*.py") if not {".venv", "build"} & set(file.parts)}
    assert names & (WORDS["vague"] | WORDS["odd"]) == set()
    assert [file.stem for file in LIBRARY if file.stem.split("_")[0] in WORDS["preposition"]] == []
    participles = {file.stem for file in LIBRARY if re.fullmatch(r"[a-z]+ed|seen", file.stem)}
    assert participles <= ADJECTIVES


# Phrases of the old dialect that are never needed: "X is not to be had", "is gone on with", "one a picture" ...
DIALECT_PHRASES = re.compile(
    r"\bto be had\b|\b(befalls?|anew|mended)\b|\bshall\b|\bgo(es|ne)? on (with|from)\b|\b(is|are) said\b"
    r"|\bjudg(es?|ed|ing|ement)\b|\bbeside\b|\bone a (picture|image|class|box|line|folder)\b|\ba folder a class\b"
    r'|"""(Hold|Say|Tell) |\bwhom\b|\blets? it look\b'
)


def test_prose_is_plain_english():
    """Docstrings, comments and messages have fewer phrases of the old dialect every time; documents have none."""
    found = Counter()
    for file in TREES:
        folder = file.relative_to(ROOT).parts[: 2 if file.parent.parent != ROOT else 1]
        found["/".join(folder)] += len(DIALECT_PHRASES.findall(file.read_text()))
    more = {folder: n for folder, n in found.items() if n > KNOWN["prose"].get(folder, 0)}
    assert more == {}, "reword these, see 'Names and language' in CONTRIBUTING.md"
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").glob("*.md"),
        ROOT / "augment/README.md",
    ]
    lines = [
        f"{page.name}: {line}"
        for page in pages
        for line in page.read_text().splitlines()
        if DIALECT_PHRASES.search(line)
    ]
    assert [line for line in lines if not line.startswith(("CHANGELOG", "report.md"))] == []


def test_no_print_no_assert_no_bare_except():
    """Words go to `logging`, wrong input is raised, errors that are caught are named."""
    found = []
    for file in LIBRARY:
        for node in NODES[file]:
            is_print = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            )
            bare = isinstance(node, ast.ExceptHandler) and node.type is None
            if is_print or bare or isinstance(node, ast.Assert):
                found.append(f"{file}:{node.lineno}")
    assert found == []


def code_lines(function):
    """Lines of a function without its docstring."""
    body = function.body
    words = body[0] if ast.get_docstring(function) is not None else None
    return function.end_lineno - function.lineno + 1 - (words.end_lineno - words.lineno + 1 if words else 0)


def test_files_and_functions_are_short():
    """250 lines and 40."""
    lines = {file.relative_to(ROOT).as_posix(): len(file.read_text().splitlines()) for file in TREES}
    assert {name: n for name, n in lines.items() if n > LINES_IN_A_FILE and name not in TABLES} == {}
    long = [
        f"{name_of(file)}.{node.name}: {code_lines(node)}"
        for file, nodes in NODES.items()
        for node in nodes
        if isinstance(node, Function) and code_lines(node) > LINES_IN_A_FUNCTION
    ]
    assert long == []


def overrides(method, owner):
    """Whether a base class documents a method: Keras', or `Modality`, for the modalities in their folders."""
    name = getattr(method, "name", "")
    return bool(owner.bases) and (name in INHERITED or name.startswith("on_"))


def undocumented(file):
    """Yield what is public in a file and has no docstring: the module, its classes, functions, their methods."""
    if not ast.get_docstring(TREES[file]):
        yield name_of(file)
    outer = [node for node in TREES[file].body if isinstance(node, (*Function, ast.ClassDef))]
    classes = [node for node in outer if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    inner = [method for node in classes for method in node.body if not overrides(method, node)]
    for node in [*outer, *inner]:
        is_public = isinstance(node, (*Function, ast.ClassDef)) and not node.name.startswith("_")
        if is_public and not ast.get_docstring(node):
            yield f"{name_of(file)}.{node.name}"


def test_what_is_public_is_documented():
    """The module, its classes and functions, and their methods."""
    assert [name for file in TREES for name in undocumented(file)] == []


def test_public_functions_have_type_hints():
    """Every argument but tensors of any backend, which have no common type, in the leaves."""
    missing = []
    for file in LIBRARY:
        if file.relative_to(ROOT).parts[0] in LEAVES:
            continue
        for node in TREES[file].body:
            if isinstance(node, Function) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [argument.arg for argument in arguments if argument.annotation is None]
                missing += [f"{name_of(file)}.{node.name}: {name}" for name in bare]
    assert missing == []


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
        if not known and test.stem not in across and place not in (Path(), Path("fuzz")):
            strays.append(str(test.relative_to(ROOT)))
    assert strays == []


def test_importing_the_packages_loads_nothing_heavy():
    """Help, lists and messages about wrong flags come at once."""
    modules = [
        *PACKAGES,
        "cityzoo.commands.train_flags",
        "cityzoo.commands.evaluate_flags",
        "cityzoo.data.image",
        "cityzoo.tasks",
    ]
    script = (
        f"import sys, json, {', '.join(modules)}\n"
        "print(json.dumps(sorted({'tensorflow', 'keras', 'jax', 'matplotlib', 'faster_coco_eval'} & set(sys.modules))))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == []


FOLDERS = {}
for library_file in LIBRARY:
    FOLDERS.setdefault(library_file.relative_to(ROOT).parent.as_posix(), []).append(library_file)


@pytest.mark.parametrize("folder", FOLDERS)
def test_examples_in_docstrings_run(folder, monkeypatch, tmp_path):
    """As they stand, folder by folder; nothing that one of them sets is left for the next."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    finder, runner, said = doctest.DocTestFinder(), doctest.DocTestRunner(), []
    for file in FOLDERS[folder]:
        for example in finder.find(importlib.import_module(name_of(file)), name_of(file)):
            runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_slow_cases_are_cases():
    """Each line of tests/slow_cases.txt begins the name of a case of a test that is there."""
    lines = (ROOT / "tests" / "slow_cases.txt").read_text().splitlines()
    assert lines == sorted(set(lines))
    for line in lines:
        path, test = re.fullmatch(r"([\w/]+\.py)::(test_\w+)\[.+", line).groups()
        assert f"\ndef {test}(" in (ROOT / "tests" / path).read_text(), line
