"""All tasks, and one of a modality of its own, keep to what training and evaluation expect of them."""

import numpy as np
import pytest
import soundfile

import zoo
from cityzoo import demo, tasks
from tests.cityzoo.modalities.contract import check_modality, check_output
from tests.cityzoo.modalities.test_own_modality import TASK, write_rings
from tests.cityzoo.multimodal_town import write_rows
from tests.cityzoo.series_town import town, untraced, written
from tests.tiny_encoder import register

IMAGES = {
    "backbone": "mobilenet_025",
    "weights": "random",
    "image_size": (64, 64),
    "views": 1,
    "augment": "light",
}
SERIES = {"data": "town.csv", "channels": "speed", "history": 6, "horizon": 4, "hidden_size": 4, "limit": 12}
CASES = {  # values of flags
    "vehicle_detect": {**IMAGES, "data": "street", "neck_width": 8},
    "vehicle_classify": {**IMAGES, "data": "street", "least_px": 8},
    "vehicle_count": {**IMAGES, "data": "street", "neck_width": 8},
    "traffic_state": {**IMAGES, "data": "street", "states": "two", "jam_count": 8, "jam_cover": 0.01},
    "incident_classify": {**IMAGES, "data": "incidents", "flips": False},  # saved models alone mirror images
    "scene_anomaly": {**IMAGES, "data": "frames", "memory": 16},
    "traffic_flow": SERIES,
    "air_quality": {**SERIES, "alarm": ("speed < 50 within 15min with 0.5 probability",)},
    "text_intent": {"data": "calls.csv", "backbone": "tiny_text"},
    "event_classify": {"data": "reports.csv", "backbone": "tiny_text"},
    "event_tag": {"data": "tags.conll", "backbone": "tiny_text"},
    "sound_classify": {"data": "tones", "backbone": "ds_cnn_small", "clip_seconds": 0.3},
    "incident_fusion": {"data": "rows", "encoders": {"text": "hashing"}, "cache": "off"},
    "congestion_fusion": {
        "data": "rows",
        "encoders": {"text": "hashing"},
        "cache": "off",
        "fusion": "cross_attention",
    },
    TASK: {"data": "points.csv"},
}
STATES = ["broken", "dark", "late", "new", "old", "open", "red", "slow", "wrong", "blocked"]
DEMOS = {"street": "vehicle_detect", "incidents": "incident_classify", "frames": "scene_anomaly"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a few images of each kind, a short series and points."""
    folder = tmp_path_factory.mktemp("tiny")
    for name, task in DEMOS.items():
        demo.write_demo(tasks.find(task).demo(), {"train": 6, "val": 5}, folder=folder / name)
    written(folder / "town.csv", town(sensors=2, days=2))
    write_rings(folder / "points.csv", 30)
    rows = [f"the {word} is {state},{word}" for word in ("lamp", "bin") for state in STATES]
    (folder / "calls.csv").write_text("\n".join(["text,label", *rows]))
    rows = [
        f"{word} and {state},{word};{state}"
        for word in ("ice", "fog")
        for state in STATES[:3]
        for _ in (1, 2)
    ]
    rows = [f"{number} {row}" for number, row in enumerate(rows)]
    (folder / "reports.csv").write_text("\n".join(["text,label", *rows]))
    tagged = [f"{number} O\nin O\n{name} B-road\nstreet I-road\n" for number, name in enumerate(STATES)]
    (folder / "tags.conll").write_text("\n".join(tagged))
    write_tones(folder / "tones")
    write_rows(folder / "rows", [("train", 12), ("val", 8)], empty=0.1)
    return folder


def write_tones(folder):
    """Six short tones of each of two heights, in folders."""
    for label, hertz in (("high", 2000), ("low", 400)):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            tone = 0.3 * np.sin(2 * np.pi * (hertz + 10 * number) * np.arange(4000) / 16_000)
            soundfile.write(folder / label / f"{number}.wav", tone, 16_000)


def test_all_tasks_are_checked():
    assert set(tasks.names()) <= set(CASES)


@pytest.mark.parametrize("name", CASES, ids=lambda name: name.rpartition("/")[2].removesuffix(".py"))
def test_a_task_keeps_to_the_contract(name, place, tmp_path, small_build, monkeypatch):
    """Build, train a step, save, load, decode; metrics, weights, details, page."""
    register(place, monkeypatch)
    monkeypatch.setattr(zoo, "build", lambda _, size_hw, weights="auto": small_build("slim", size_hw))
    task, values = tasks.find(name), CASES[name]
    with untraced():
        output, examples, results = check_modality(
            task, name, {**values, "data": str(place / values["data"])}, tmp_path
        )
        check_output(output, examples, results, task.modality.unit, tmp_path)
