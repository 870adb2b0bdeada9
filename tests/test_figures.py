"""The pages about the whole: figures have a file and a command, and the way of one image is walked."""

import re
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
REPRODUCING = (DOCS / "reproducing.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()
CHOOSING = (DOCS / "choosing.md").read_text()


def test_every_file_of_results_has_a_command():
    listed = set(
        re.findall(r"\]\(\.\./(benchmarks/results/[^)]+\.md)\)", REPRODUCING.split("Figures that")[1])
    )
    listed |= set(re.findall(r"\]\(\.\./(benchmarks/results/[^)]+\.md)\)", REPRODUCING))
    found = {page.relative_to(ROOT).as_posix() for page in (ROOT / "benchmarks" / "results").rglob("*.md")}
    assert sorted(found - listed) == [], "add a row with the command to docs/reproducing.md"


def test_flags_of_benchmarks_are_in_their_sources():
    """`test_how_to` lets the other commands read their arguments; scripts of benchmarks import much."""
    commands = re.findall(r"`python (benchmarks/\w+\.py)([^`]*)`", REPRODUCING)
    assert len(commands) > 15
    for script, words in commands:
        source = (ROOT / script).read_text()
        if "add_flags" in source or "training_parser" in source or "parse_known" in source:
            continue
        assert [flag for flag in re.findall(r"--[a-z-]+", words) if f'"{flag}"' not in source] == [], script


def test_figures_of_the_decision_guide_are_in_the_results():
    """Every row that links to a file of results has its numbers there, as shares or percents, rounded."""
    for row in CHOOSING.splitlines():
        for name in re.findall(r"benchmarks/results/(\w+)\.md", row):
            text = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text()
            known = {round(float(number), 2) for number in re.findall(r"(?<![\w.])\d*\.\d+", text)}
            stated = [
                float(n) for n in re.findall(r"(?:AP50|accuracy|MAE|fine-tuned|unlabeled|,) (\d*\.\d+)", row)
            ]
            assert [n for n in stated if round(n, 2) not in known] == [], row


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Names that the script of the architecture's page defines."""
    source = re.search(r"```python\n(.*?)```", ARCHITECTURE, re.DOTALL)[1]
    names = {}
    with mock.patch.dict("os.environ", CITYZOO_HOME=str(tmp_path_factory.mktemp("home"))):
        exec(compile(source, "architecture.md", "exec"), names)
    return names


@pytest.mark.slow
def test_one_image_goes_all_the_way(walked):
    """Shapes are those that the page states; a box of a view lies within the network's input."""
    stated = re.search(r"# P3 \((.+)\), P4 \((.+)\), P5 \((.+)\)", ARCHITECTURE).groups()
    shapes = {level: tuple(map(int, text.split(", "))) for level, text in zip("345", stated, strict=True)}
    assert {level[1]: tuple(x.shape) for level, x in walked["features"].items()} == shapes
    assert tuple(walked["raw"].shape) == (2, 12 * 16 + 6 * 8 + 3 * 4, 4 + 4)
    boxes = walked["targets"].numpy()
    boxes = boxes[boxes[..., 4] >= 0]
    assert len(boxes) > 0
    assert boxes[:, :4].min() >= 0 and boxes[:, [0, 2]].max() <= 128 and boxes[:, [1, 3]].max() <= 96
    assert float(walked["loss"]) > 0
    assert {"AP", "AP50"} <= walked["metrics"].keys()
    assert len(walked["results"]) == 2
