"""README, CONTRIBUTING and docs/ are true: flags, names, links, and the code that they show."""

import argparse
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from cityzoo import cli, tasks
from cityzoo.commands import (
    align,
    answer,
    backbones,
    benchmark,
    check_security,
    compress,
    doctor,
    drift,
    export,
    find,
    forget,
    fuse,
    loop,
    models,
    pretrain,
    prune,
    redact,
    runs,
    select,
    tune,
    update,
    watch_draw,
    watch_evaluate,
)
from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.commands.listen import listen_parser
from cityzoo.commands.protect_flags import protect_parser
from cityzoo.commands.train_flags import training_parser
from cityzoo.commands.watch_flags import watch_parser
from cityzoo.commands.watch_outlets import acknowledge_parser
from cityzoo.serve.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "augment/README.md",
        ROOT / "deploy/README.md",
    ]
)
GUIDES = {page.stem: page.read_text() for page in PAGES if page.parent.name == "docs"}
# Flags of --task files, .ci/types, tensorboard, pip, git, curl, docker, Ray's launcher, benchmarks, Keras-RetinaNet.
OTHER_PROGRAMS = (
    "no-deps cost write logdir count format out upgrade strict tags build-arg workers retries gpus "
    "quick splits clean-splits seeds crops size settings freeze-backbone snapshot random-transform image-min-side "
    "image-max-side data-binary shm-size replicas target read-only tmpfs cap-drop clients seconds pid from-file"
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def flags_of(parser):
    """Flags of a parser; hidden ones, such as former names, do not count."""
    shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    inner = [p for action in shown if isinstance(action.choices, dict) for p in action.choices.values()]
    return {flag for action in shown for flag in action.option_strings}.union(*map(flags_of, inner))


@pytest.fixture(scope="module")
def known_flags():
    """Every flag of train.py, evaluate.py and the commands that documents show, whatever the task."""
    known = set().union(*(flags_of(training_parser(name)) for name in tasks.names()))
    others = {f"--{name}" for name in OTHER_PROGRAMS.split()}
    known |= set().union(*(flags_of(evaluation_parser(tasks.find(name))) for name in tasks.names()))
    known |= set().union(
        *(
            flags_of(command._parser())
            for command in (
                align,
                answer,
                find,
                export,
                benchmark,
                prune,
                compress,
                fuse,
                redact,
                runs,
                backbones,
                select,
                pretrain,
                check_security,
                doctor,
                models,
                loop,
                drift,
                forget,
                update,
                watch_draw,
                watch_evaluate,
            )
        )
    )
    known |= flags_of(protect_parser()) | flags_of(watch_parser()) | flags_of(acknowledge_parser())
    known |= flags_of(listen_parser()) | flags_of(tune._parser("vehicle_classify"))
    known |= {name for item in cli.flag_fields(Settings) for name in cli.flag_names(item)}
    return known | others


@each_page
def test_every_flag_exists(page, known_flags):
    if page.name != "CHANGELOG.md":  # which names flags of the past, too
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", page.read_text())) <= known_flags


@each_page
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if ":" not in link and not (page.parent / link).exists()] == []


@each_page
def test_every_path_of_the_library_exists(page):
    if page.name != "CHANGELOG.md":
        paths = re.findall(
            r"`((?:zoo|augment|heads|cityzoo|benchmarks|tests)/[\w./]*\w)/?`", page.read_text()
        )
        new = {"cityzoo/tasks/pothole_detect.py"}  # what CONTRIBUTING shows how to write
        assert [
            path for path in paths if path not in new and "NAME" not in path and not (ROOT / path).exists()
        ] == []


def test_the_readme_is_short_and_begins_with_the_commands():
    """Below 200 lines; first what it is, then installation, tests and a picture."""
    assert len(README.splitlines()) < 200
    first, second = blocks(README, "bash")[:2]
    assert first.endswith("python train.py --backbone vgg16 --task vehicle_detect\n")
    assert second.endswith("python -m pytest\n")
    picture = re.search(r"!\[[^]]+\]\((docs/readme\.jpg)\)", README)
    assert README[: picture.start()].count("\n") < 25
    assert (ROOT / picture[1]).stat().st_size < 300_000


@pytest.mark.parametrize("text", [README, GUIDES["tasks"]], ids=["README", "docs/tasks"])
def test_every_task_has_a_row(text):
    assert set(re.findall(r"^\| `(\w+)` \| [a-z]", text, flags=re.MULTILINE)) >= set(tasks.names())


def test_the_chinese_readme_has_the_same_tasks_and_first_commands():
    chinese = (ROOT / "README.zh.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", chinese, flags=re.MULTILINE)) == set(tasks.names())
    assert blocks(chinese, "bash")[:2] == blocks(README, "bash")[:2]


def test_backbones_named_whole_are_in_the_table():
    rows = [line for line in GUIDES["backbones"].splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]\w+)`", row.split("|")[1])}
    assert len(named) > 25
    assert named <= set(zoo.names())


def test_ci_runs_the_readmes_test_command():
    command = next(block for block in blocks(README, "bash") if "pytest" in block)
    install, test = command.strip().split(" && ")
    script = (ROOT / ".ci" / "run").read_text()
    assert test == "python -m pytest"
    assert f"\n{test}\n" in script
    assert install.removeprefix("pip install ") in script


@each_page
def test_no_placeholder_is_left(page):
    assert not re.search(r"@@|TODO|XXX", page.read_text())


def test_the_task_of_the_readme_is_a_task():
    names = {}
    exec(next(block for block in blocks(README, "python") if "pothole" in block), names)
    assert names["TASK"].output(("pothole",)).class_names == ("pothole",)


def test_the_task_of_contributing_is_a_task():
    source = next(block for block in blocks(CONTRIBUTING, "python") if "pothole" in block)
    names = {}
    exec(source, names)
    task = names["TASK"]
    assert task.output(("pothole",)).class_names == ("pothole",)
    assert set(task.defaults) <= {
        flag.strip("-").replace("-", "_") for flag in flags_of(training_parser("vehicle_detect"))
    }


def test_the_own_task_of_the_docs_trains(tmp_path, as_scripts):
    source = next(block for block in blocks(GUIDES["tasks"], "python") if "WetRoad" in block)
    path = tmp_path / "wet_road.py"
    path.write_text(source)
    rng = np.random.default_rng(0)
    for split, name, level in itertools.product(("train", "val"), ("dry", "wet"), range(6)):
        folder = tmp_path / "roads" / split / name
        folder.mkdir(parents=True, exist_ok=True)
        gray = rng.normal(180 if name == "dry" else 60, 20, (64, 64, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(gray).save(folder / f"{level}.png")
    words = ["--task", "wet_road.py", "--data", "roads", "--backbone", "tiny", "--weights", "random"]
    words += ["--image-size", "64", "--cost", "4", "--phases", "C5:1", "--out", "run"]
    code, _, errors = as_scripts(tmp_path, {"own": ("train.py", words)})["own"]
    assert code == 0, errors[-2000:]
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    confusion = report["confusion"]
    missed, alarms = confusion["wet"]["dry"], confusion["dry"]["wet"]
    assert report["cost_per_100"] == pytest.approx(100 * (4 * missed + alarms) / 12)
    assert report["spec"]["output"]["cost"] == 4.0


def test_the_format_of_contributing_read_boxes(tmp_path):
    source = next(block for block in blocks(CONTRIBUTING, "python") if "KITTI" in block)
    names = {}
    exec(source, names)
    for folder in ("image_2", "label_2"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "image_2" / "000001.png")
    (tmp_path / "label_2" / "000001.txt").write_text("Car 0.00 0 1.5 1.0 2.0 5.0 6.0 1.5 1.6 3.9 1 1 9 0.1\n")
    assert names["matches"](str(tmp_path))
    found = names["read"](str(tmp_path))
    assert found.class_names == ("Car",)
    assert found.images[0].boxes[0].numbers == (1.0, 2.0, 5.0, 6.0)
    assert not names["matches"](str(tmp_path / "image_2"))
