"""The command on tiny images: each method, what it leaves behind, train.py from its weights, and what it refuses."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import zoo

PRETRAIN, TRAIN = "cityzoo/__main__.py", "train.py"


def write_frames(folder, count, seed):
    """Large colored cells, the upper half reddish in one class and bluish in the other."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        cells = rng.integers(0, 120, (8, 9, 3), dtype=np.uint8)
        cells[:4, :, 2 * (number % 2)] += 120
        place = folder / ("red", "blue")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cells).resize((64, 64), Image.Resampling.NEAREST).save(
            place / f"x{seed}y{number}z.png"
        )


def write_all(place):
    """What the commands read."""
    for name, count, seed in (("train", 24, 0), ("val", 12, 1)):
        write_frames(place / "street" / name, count, seed)
    for number in range(20):
        (place / "still").mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (90, 80, 70 + number)).save(place / "still" / f"{number}.png")
        (place / "plain").mkdir(exist_ok=True)
    write_frames(place / "plain", 16, 2)
    for number, file in enumerate(sorted((place / "plain").rglob("*.png"))):
        file.rename(place / "plain" / f"f{number}.png")
    (place / "empty").mkdir()


def pretrain(method, *words, data="street", size="8"):
    """Words of the command."""
    flags = ["--backbone", "tiny", "--image-size", "64", "--epochs", "2", "--batch-size", size]
    return PRETRAIN, ["pretrain", "--method", method, "--data", data, *flags, *words]


START = ["--task", "vehicle_classify", "--backbone", "tiny", "--data", "street", "--image-size", "64"]
START += ["--weights", "street.weights.h5", "--phases", "closed_form", "--augment", "none", "--views", "1"]
CASES = {
    "simclr": pretrain("simclr", "--run", "pairs", "--out", "street.weights.h5", "--probe", "street"),
    "train": (TRAIN, [*START, "--out", "trained"]),
    "finished": (PRETRAIN, ["pretrain", "--resume", "pairs"]),
    "no run": (PRETRAIN, ["pretrain", "--resume", "street"]),
    "empty": pretrain("simclr", data="empty"),
    "nowhere": pretrain("simclr", data="nowhere"),
    "still": pretrain("simclr", data="still"),
    "no labels": pretrain("supcon", data="plain"),
    "few": pretrain("simclr", size="4"),
    "method": pretrain("simsiam"),
    "flag": pretrain("byol", "--temperature", "0.5"),
    "out": pretrain("simclr", "--out", "weights.h5"),
    "probe": pretrain("simclr", "--probe", "street", "--probe-task", "vehicle_count"),
    "nothing": (PRETRAIN, ["pretrain", "--data", "street"]),
}


OTHERS = {
    "byol": pretrain("byol", "--run", "target", data="plain"),
    "mae": pretrain("mae", "--run", "masked", data="plain"),
    "supcon": pretrain("supcon", "--run", "labels"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Folder, and exit code, output and errors of each command."""
    place = tmp_path_factory.mktemp("pretrain")
    write_all(place)
    return place, as_scripts(place, CASES)


def report_of(folder):
    """The numbers of a report."""
    return json.loads((folder / "report.json").read_text())


def features_of(model, tensor=None):
    """Return the last features of the backbone for one image."""
    image = np.random.default_rng(5).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    tensor = model.get_layer("stem5_relu").output if tensor is None else tensor
    return keras.Model(model.inputs[0], tensor)(image).numpy()


@pytest.mark.parametrize("name", ["simclr", "train"])
def test_the_commands_run(ran, name):
    """Exit code 0."""
    assert ran[1][name][0] == 0, ran[1][name][2][-2000:]


@pytest.mark.slow
def test_every_method_runs(tmp_path, as_scripts):
    """Each leaves weights that differ from those before, and metrics of held-out images."""
    write_all(tmp_path)
    answers = as_scripts(tmp_path, OTHERS)
    metrics = {"target": "pair_accuracy", "masked": "masked_error", "labels": "pair_accuracy"}
    for name, folder in zip(OTHERS, metrics, strict=True):
        assert answers[name][0] == 0, answers[name][2][-2000:]
        before, after = (
            keras.saving.load_model(tmp_path / folder / file, compile=False)
            for file in ("before.keras", "model.keras")
        )
        assert not np.allclose(features_of(before), features_of(after))
        assert report_of(tmp_path / folder)[metrics[folder]] >= 0


def test_the_weights_load_back_with_equal_features(ran, tiny_backbones):
    """The file in `zoo.build`, in the run's own model, and in the frozen backbone of train.py's run."""
    place, _ = ran
    loaded = zoo.build("tiny", 64, place / "street.weights.h5").model
    own = keras.saving.load_model(place / "pairs" / "model.keras", compile=False)
    trained = keras.saving.load_model(place / "trained" / "model.keras", compile=False)
    before = keras.saving.load_model(place / "pairs" / "before.keras", compile=False)
    np.testing.assert_allclose(features_of(loaded, loaded.output["P5"]), features_of(own), rtol=1e-5)
    np.testing.assert_allclose(features_of(trained), features_of(own), rtol=1e-5)
    assert not np.allclose(features_of(before), features_of(own))


def test_the_run_is_one_like_others(ran):
    """History, TensorBoard, spec, report; the last epoch is kept."""
    place, _ = ran
    folder = place / "pairs"
    report = report_of(folder)
    assert report["epochs"] == 2 and report["n_train"] == 24 and report["sha256"]
    assert {"history.csv", "spec.json", "logs", "report.html", "views.png"} <= {
        p.name for p in folder.iterdir()
    }
    assert len((folder / "history.csv").read_text().splitlines()) == 3
    assert 0 <= report["pair_accuracy"] <= 1
    assert "What it is worth" in (folder / "report.html").read_text()


def test_the_probe_compares_with_random_weights(ran):
    """Both kinds of figures with their intervals, for both starting weights."""
    probe = report_of(ran[0] / "pairs")["probe"]
    assert list(probe["rows"]) == ["random", "pretrained"] and probe["shots"] == 10 and probe["n_val"] == 12
    row = probe["rows"]["random"]
    for name in ("linear", "few"):
        low, high = row[f"{name}_interval"]
        assert low <= row[name] <= high
        assert row[f"{name}_lead"] == pytest.approx(probe["rows"]["pretrained"][name] - row[name])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("finished", "'pairs'.*finished"),
        ("no run", "--resume 'street'"),
        ("empty", "empty"),
        ("nowhere", "nowhere"),
        ("still", "near duplicates"),
        ("no labels", "--method supcon.*'plain'.*--method simclr"),
        ("few", "batches of 4.*--batch-size of 8"),
        ("method", "simsiam.*simclr"),
        ("flag", "--temperature.*--method byol"),
        ("out", r"--out 'weights.h5'.*\.weights\.h5"),
        ("probe", "--probe-task 'vehicle_count'"),
        ("nothing", "--method"),
    ],
)
def test_what_cannot_be_used_is_one_line(ran, name, words):
    """Exit code 2, one line that says what to do, no traceback."""
    import re

    code, _, errors = ran[1][name]
    last = errors.strip().splitlines()[-1]
    assert code == 2 and re.search(words, last) and "Traceback" not in errors, errors[-2000:]
