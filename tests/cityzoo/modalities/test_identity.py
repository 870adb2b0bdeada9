"""The identity of data: what changed is found and named, whatever the modality."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import windows_of
from cityzoo.errors import InputError
from cityzoo.fit.run_data import check_evaluated, check_resumed
from cityzoo.fit.run_folder import RunFolder
from cityzoo.modalities.identity import DataIdentity, describe_changes, require_same_names
from cityzoo.modalities.image import IMAGE
from cityzoo.modalities.series import SERIES
from cityzoo.sample import ImageExample, ImageSet

FINDINGS = SimpleNamespace(as_dict=lambda: {"source": "city"})


def image_set(split, *names, label=0, classes=("car", "bus")):
    """Images with a box each."""
    box = [[0, 0, 8, 8]]
    return ImageSet(split, classes, tuple(ImageExample(f"city/{n}", (9, 9), box, [label]) for n in names))


def dataset(train, val):
    return SimpleNamespace(train=train, val=val, held_out=val, findings=FINDINGS)


@pytest.fixture
def run(tmp_path):
    """A run with a finished epoch on images a, b and the held-out c."""
    folder = RunFolder(tmp_path)
    check_resumed(
        folder, IMAGE, dataset(image_set("train", "t/a.png", "t/b.png"), image_set("val", "v/c.png"))
    )
    folder.checkpoint.write_bytes(b"")
    return folder


def test_changed_classes_or_their_order_are_refused(run):
    """With what is there and what was learned."""
    for classes, words in (
        (("bus", "car"), r"classes bus, car, but the run .* learned car, bus \(the same in another order\)"),
        (("car", "van"), r"\(new: van; missing: bus\): restore the data"),
    ):
        data = dataset(
            image_set("train", "t/a.png", classes=classes), image_set("val", "v/c.png", classes=classes)
        )
        with pytest.raises(InputError, match=words) as caught:
            check_resumed(run, IMAGE, data)
        assert "\n" not in str(caught.value)
    truth = ImageSet("val", ("car", "bus"), image_set("val", "v/c.png").examples, ("bus", "car"))
    with pytest.raises(InputError, match="another order"):
        check_evaluated(run, IMAGE, truth, FINDINGS, False)


def test_changed_examples_are_counted_and_named(run, caplog):
    """One is gone, one is new, one moved into train with its file, one has another label."""
    data = dataset(image_set("train", "t/b.png", "t/c.png", "t/d.png", label=1), image_set("val", "v/e.png"))
    (said,) = check_resumed(run, IMAGE, data)
    assert said == (
        "the images changed since this run began: 2 added (train: t/d.png, val: v/e.png); 1 removed (train: t/a.png); "
        "1 moved to another split (v/c.png: val to train); 1 with other labels (train: t/b.png)"
    )
    assert "train.py --config" in caplog.text
    assert (
        check_resumed(
            run, IMAGE, dataset(image_set("train", "t/a.png", "t/b.png"), image_set("val", "v/c.png"))
        )
        == []
    )


def test_evaluation_compares_what_was_held_out(run, caplog):
    """Nothing about train, unless an example of it is evaluated now; nothing where only a part is asked for."""
    check_evaluated(run, IMAGE, image_set("val", "v/c.png"), FINDINGS, False)
    check_evaluated(run, IMAGE, image_set("val", "t/b.png"), FINDINGS, True)
    assert caplog.text == ""
    check_evaluated(run, IMAGE, image_set("val", "t/b.png"), FINDINGS, False)
    assert "1 removed (val: v/c.png); 1 moved to another split (t/b.png: train to val)" in caplog.text


def test_runs_of_earlier_versions_have_no_identity_and_damaged_ones_are_one_line(run):
    check_evaluated(RunFolder(run.path / "older"), IMAGE, image_set("val", "x.png"), FINDINGS, False)
    for content in ("", "[]", '{"names": 3}', '{"names": {"classes": 3}, "splits": {}}'):
        run.data.write_text(content)
        with pytest.raises(InputError, match="data.json' is damaged"):
            DataIdentity.read(run.data)


def series(values, sensors=("n", "s")):
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(len(values)) * np.timedelta64(21600, "s")
    return Series(values, times, sensors, ("speed",), ("km/h",))


def test_series_are_compared_by_day_and_by_sensors():
    """Four rows a day; row 9 lies on the third day, which the split cuts."""
    values = np.arange(32, dtype=np.float32).reshape(16, 2, 1)
    train, val = (
        windows_of(n, series(values), r, 2, 1) for n, r in (("train", range(10)), ("val", range(10, 16)))
    )
    known = SERIES.data_identity([train, val], "city")
    assert list(known.splits["train"]) == ["2024-01-01 00:00", "2024-01-02 00:00", "2024-01-03 00:00"]
    assert list(known.splits["val"]) == ["2024-01-03 12:00", "2024-01-04 00:00"]
    other = values.copy()
    other[5] = np.nan
    found = SERIES.data_identity([windows_of("train", series(other), range(10), 2, 1), val], "city")
    assert describe_changes(known.splits, found.splits) == ["1 with other labels (train: 2024-01-02 00:00)"]
    turned = SERIES.data_identity(
        [windows_of("val", series(values, ("s", "n")), range(10, 16), 2, 1)], "city"
    )
    with pytest.raises(InputError, match="names the sensors s, n"):
        require_same_names(known, turned, "run")
