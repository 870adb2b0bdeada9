"""A planted alignment is found again: the color and the side of a rectangle, by the commands themselves."""

import json

import numpy as np
import pytest
from PIL import Image

COLORS = {"red": (230, 30, 30), "green": (30, 210, 40), "blue": (40, 60, 235), "white": (240, 240, 240)}
SIDES = {"left": 4, "right": 36}
TRAIN = ["--data", "pairs", "--encoders", "image=tiny:2,text=hashing", "--epochs", "40", "--batch-size", "32"]
FIND = ["runs", "--cache", "off"]
WEIGHTS = """
import keras
import zoo.pretrained
from zoo import registry

keras.utils.set_random_seed(0)
file = zoo.pretrained.cache_folder() / registry.get("tiny").weights_file
file.parent.mkdir(parents=True, exist_ok=True)
network = keras.applications.Tiny(False, None, keras.Input((64, 64, 3)), None)
network.save_weights(file.with_name("tiny.weights.h5"))
file.with_name("tiny.weights.h5").rename(file)
"""
PROMPTS = ",".join(f"{color}={color} box on the left" for color in COLORS)


def write_pairs(folder, counts):
    """Write a table of each split; the same eight sentences describe all images of their kind."""
    rng = np.random.default_rng(0)
    for split, count in counts.items():
        rows = ["image,text"]
        for number in range(count):
            color, side = rng.choice(list(COLORS)), rng.choice(list(SIDES))
            pixels = rng.integers(20, 90, (64, 64, 3)).astype(np.uint8)
            top, left = rng.integers(4, 36), SIDES[side]
            pixels[top : top + 24, left : left + 24] = COLORS[color]
            name = f"images/{split}_{color}_{side}_{number}.png"
            (folder / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
            rows.append(f"{name},{color} box on the {side}")
        if split == "train":
            rows += ["images/gone.png,a red box", f"{name},"]
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("align")
    write_pairs(folder / "pairs", {"train": 128, "val": 32, "test": 48})
    for color in COLORS:
        (folder / "labeled" / color).mkdir(parents=True)
        for file in sorted((folder / "pairs" / "images").glob(f"test_{color}_left_*")):
            (folder / "labeled" / color / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """Exit code, output and errors of the commands."""
    (place / "weights.py").write_text(WEIGHTS)
    driver = "cityzoo/__main__.py"
    frames = ["--frames", "pairs/images"]
    return as_scripts(
        place,
        {
            "weights": (str(place / "weights.py"), []),
            "align": (driver, ["align", *TRAIN, "--out", "runs"]),
            "find": (
                driver,
                ["find", *FIND, *frames, "--out", "found", "blue box on the right", "--most", "8"],
            ),
            "prompts": (driver, ["find", *FIND, "--data", "labeled", "--classes", PROMPTS, "--out", "zero"]),
            "lacking": (
                driver,
                ["find", *FIND, "--data", "labeled", "--classes", "red=red box", "--out", "no"],
            ),
            "no run": (driver, ["find", "pairs", *frames, "--out", "none", "a box"]),
            "no words": (driver, ["find", "runs", *frames, "--out", "none"]),
            "resume": (driver, ["align", "--resume", "pairs"]),
        },
    )


def test_the_planted_alignment_is_found(answers, place):
    """Eight contents, equal sentences are correct for each other; shuffled pairs are at chance."""
    assert answers["align"][0] == 0, answers["align"][2][-3000:]
    report = json.loads((place / "runs" / "report.json").read_text())
    assert report["n_pairs"] == 48 and report["split"] == "test" and report["n_contents"] == 8
    assert report["n_train"] == 128 and report["recall_at_1"] >= 0.9
    shuffled, chance = (report["retrieval"][f"text to image: {name}"] for name in ("shuffled", "chance"))
    assert shuffled["recall_at_1"] == pytest.approx(chance["recall_at_1"], abs=0.08)
    assert (place / "runs" / "examples.png").is_file()


def test_words_find_images(answers, place):
    assert answers["find"][0] == 0, answers["find"][2][-3000:]
    report = json.loads((place / "found" / "report.json").read_text())
    files = [row["file"] for row in report["found"].values()]
    scores = [row["score"] for row in report["found"].values()]
    assert len(files) == 8 and scores == sorted(scores, reverse=True)
    assert sum("blue_right" in name for name in files) >= 7
    assert (place / "found" / "contact_sheet.png").is_file()


def test_prompts_classify(answers, place):
    """Shares add up to one; the color of a prompt tells the labeled images apart."""
    assert answers["prompts"][0] == 0, answers["prompts"][2][-3000:]
    report = json.loads((place / "zero" / "report.json").read_text())
    assert report["zero_shot"]["mean_auroc"] >= 0.95 and set(report["zero_shot"]["per_class"]) == set(COLORS)
    assert all(sum(row.values()) == pytest.approx(1, abs=1e-4) for row in report["scores"].values())


@pytest.mark.parametrize("name", ["lacking", "no run", "no words", "resume"])
def test_refusals(answers, name):
    code, _, err = answers[name]
    assert code == 2 and "Traceback" not in err
