"""The command on tiny runs of images, texts and a series: weeks as before, changed ones, and what cannot be used."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cityzoo import series_town

DRIFT = "cityzoo/__main__.py"
WORDS = {"light": "lamp light dark broken bulb", "waste": "bin garbage smell rubbish bag"}


def write_frames(folder, count, seed, light=1.0, label=True):
    """Streets with a red or a blue vehicle, in a folder for each class or in one."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        name = ("red", "blue")[number % 2]
        pixels = rng.integers(0, 90, (64, 64, 3))
        x, y = rng.integers(2, 30, 2)
        pixels[y : y + 30, x : x + 30, 2 * (number % 2)] = 250
        place = folder / name if label else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * light).astype(np.uint8)).save(
            place / f"{chr(97 + number % 26)}{seed}{number}x.png"
        )


def write_texts(file, count, seed, more=""):
    """Sentences of two classes."""
    rng = np.random.default_rng(seed)
    rows = ["text,label"]
    for number in range(count):
        name = list(WORDS)[number % 2]
        rows.append(f"{more}{' '.join(rng.choice(WORDS[name].split(), 4))} {number % 7},{name}")
    file.write_text("\n".join(rows) + "\n")


def write_all(place):
    """What the commands read."""
    for name, count, seed in (("train", 40, 0), ("val", 40, 1)):
        write_frames(place / "street" / name, count, seed)
    write_frames(place / "few" / "train", 20, 0)
    write_frames(place / "few" / "val", 10, 1)
    write_frames(place / "same", 40, 2, label=False)
    write_frames(place / "dusk", 40, 3, light=0.4, label=False)
    (place / "frozen").mkdir()
    for number in range(30):
        Image.new("RGB", (64, 64), (90, 80, 70)).save(place / "frozen" / f"{number}.png")
    (place / "empty").mkdir()
    (place / "texts").mkdir()
    write_texts(place / "texts" / "train.csv", 60, 0)
    write_texts(place / "texts" / "val.csv", 80, 1)
    write_texts(place / "flood.csv", 40, 2, more="water in the cellar since the flood and ")
    town = series_town.town(days=6)
    series_town.written(place / "town.csv", town)
    series_town.written(place / "jam.csv", town[:288] * 0.6)
    faulty = town[: 3 * 288].copy()
    faulty[288:576, 2] += np.random.default_rng(0).normal(0, 40, 288)
    series_town.written(place / "faulty.csv", faulty)


FRAMES = ["--task", "vehicle_classify", "--backbone", "tiny", "--weights", "random", "--image-size", "64"]
FRAMES += ["--augment", "none", "--phases", "closed_form", "--batch-size", "32"]
FLOW = (
    "--task traffic_flow --backbone stid --data town.csv --epochs 1 --hidden-size 4 --history 6 --horizon 3"
)
CASES = {
    "train": ("train.py", [*FRAMES, "--data", "street", "--out", "run"]),
    "same": (DRIFT, ["drift", "run", "--data", "same", "--fail-on-drift"]),
    "dusk": (DRIFT, ["drift", "run", "--data", "dusk", "--fail-on-drift", "--out", "dusk_report"]),
    "new camera": (DRIFT, ["drift", "run", "--data", "dusk", "--new-camera"]),
    "frozen": (DRIFT, ["drift", "run", "--data", "frozen"]),
    "empty": (DRIFT, ["drift", "run", "--data", "empty"]),
    "nowhere": (DRIFT, ["drift", "run", "--data", "nowhere"]),
    "no run": (DRIFT, ["drift", "street", "--data", "same"]),
    "text": (DRIFT, ["drift", "run", "--data", "flood.csv"]),
}
TEXTS = "--task event_classify --backbone tfidf --phases closed_form --data texts --out texts_run"
SLOW = {
    "train texts": ("train.py", TEXTS.split()),
    "flood": (
        DRIFT,
        ["drift", "texts_run", "--data", "flood.csv", "--fail-on-drift", "--out", "flood_report"],
    ),
    "train series": ("train.py", [*FLOW.split(), "--out", "flow"]),
    "jam": (DRIFT, ["drift", "flow", "--data", "jam.csv", "--fail-on-drift", "--out", "jam_report"]),
    "days": (DRIFT, ["select", "flow", "--data", "faulty.csv", "--most", "2", "--out", "days"]),
}


# A copy of the run, of data with few held-out images.
FEW = """
import shutil
from pathlib import Path

spec = Path(shutil.copytree("run", "run_few"), "spec.json")
spec.write_text(spec.read_text().replace('"street"', '"few"'))
Path("run_few/reference.npz").unlink()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Folder, and exit code, output and errors of each command."""
    place = tmp_path_factory.mktemp("drift")
    write_all(place)
    (place / "few.py").write_text(FEW)
    few = {"few run": (place / "few.py", []), "few": (DRIFT, ["drift", "run_few", "--data", "same"])}
    return place, as_scripts(place, {**CASES, **few})


@pytest.fixture(scope="module")
def ran_slowly(tmp_path_factory, as_scripts):
    """The same of texts and sensors."""
    place = tmp_path_factory.mktemp("slow")
    write_all(place)
    return place, as_scripts(place, SLOW)


def report_of(folder):
    """The numbers of a report."""
    return json.loads((folder / "report.json").read_text())


def test_a_week_as_before_is_no_drift(ran):
    """Exit code 0, whatever the flag; the reference's examples are kept for the next week."""
    place, answers = ran
    assert answers["same"][0] == 0, answers["same"][2][-2000:]
    report = report_of(place / "run" / "drift-1")
    assert not report["drift"] and report["n_images"] == 40 and report["n_reference"] == 40
    assert report["two_sample"]["p_value"] > 0.05 and (place / "run" / "reference.npz").is_file()


def test_dusk_is_found_and_named(ran):
    """Exit code 1; brightness fell to about 0.4 of what it was; the page shows pairs of images."""
    place, answers = ran
    report = report_of(place / "dusk_report")
    assert answers["dusk"][0] == 1 and report["drift"]
    row = report["signals"]["brightness"]
    assert row["changed"] and row["new"] == pytest.approx(0.4 * row["reference"], rel=0.1)
    assert any("darker" in line for line in report["changed"])
    predicted = report["predicted"]
    assert predicted["low"] <= predicted["value"] <= predicted["high"]
    assert "data:image/jpeg" in (place / "dusk_report" / "report.html").read_text()
    assert 1 <= len(report["to_label"]) <= 20 and len(report["unlike"]) <= 6


def test_a_new_camera_is_accepted_or_not(ran):
    """By the predicted metric, not by its being different; no exit code without the flag."""
    place, answers = ran
    predicted = report_of(place / "run" / "drift-2")["predicted"]
    assert answers["new camera"][0] == 0 and predicted["wanted"] == pytest.approx(0.9 * predicted["held_out"])
    assert predicted["accepted"].split(":")[0] in ("accepted", "refused", "undecided")


@pytest.mark.slow
def test_other_words_are_drift(ran_slowly):
    """Longer texts with words that the reference does not have; the texts are shown."""
    place, answers = ran_slowly
    report = report_of(place / "flood_report")
    assert answers["flood"][0] == 1, answers["flood"][2][-2000:]
    assert report["signals"]["words"]["changed"] and all(
        "water" in row["text"] for row in report["unlike"].values()
    )


@pytest.mark.slow
def test_a_noisy_day_of_a_sensor_is_the_first_to_look_at(ran_slowly):
    """Its measurements are left out once the table says no; the code says what the planted faults were worth."""
    from cityzoo.data.series.load import load_series

    place, answers = ran_slowly
    code, _, error = answers["days"]
    report, table = report_of(place / "days"), place / "days" / "days.csv"
    rows = table.read_text().splitlines()
    assert code == (0 if report["planted"]["is_better"] else 1), error[-2000:]
    assert report["planted"]["seeds"] == 5 and report["candidates"] == 12
    assert rows[1] == "s2,2024-05-07 00:00,2024-05-08 00:00," and len(rows) == 3
    assert b"\r" not in table.read_bytes()
    assert report["rows"]["1"]["file"] == "s2 2024-05-07" and (place / "days" / "contact_sheet.png").is_file()
    table.write_text("\n".join([rows[0], rows[1] + "no", rows[2] + "yes"]) + "\n")
    all_rows, _ = load_series(str(place / "faulty.csv"), channel="speed")
    series, findings = load_series(str(place / "faulty.csv"), channel="speed", leave_out=str(table))
    kept = all_rows.mask.copy()
    kept[288:576, 2] = False
    assert (series.mask == kept).all() and findings.counts["left out"] == all_rows.mask[288:576, 2].sum()


@pytest.mark.slow
def test_a_jam_is_drift_of_a_series(ran_slowly):
    """Speeds of 0.6 of what they were."""
    place, answers = ran_slowly
    report = report_of(place / "jam_report")
    assert answers["jam"][0] == 1 and report["signals"]["series:0"]["changed"], answers["jam"][2][-2000:]


WRONG = {"few": "10", "frozen": "near duplicates", "empty": "empty", "nowhere": "nowhere"}
WRONG |= {"no run": "street", "text": "flood.csv"}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_used_is_one_line(ran, name):
    """Exit code 2; the last line names what is wrong, nothing is a traceback."""
    code, _, errors = ran[1][name]
    assert code == 2 and WRONG[name] in errors.strip().splitlines()[-1] and "Traceback" not in errors
