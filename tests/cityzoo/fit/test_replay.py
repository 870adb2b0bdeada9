"""Which examples a memory keeps, how often they are shown, and what it says of data that changed."""

import datetime
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit import continued_data, replay_choice, replay_memory
from cityzoo.fit.continued_data import merge_class_names
from cityzoo.fit.data_of_runs import join_data_of_runs
from cityzoo.fit.replay_memory import Forgotten, MemorySource
from cityzoo.modalities.example_sets import ExampleSets
from cityzoo.sample import ExampleSet, ImageExample, ImageSet, LabeledDataset

NAMES = ("bus", "car")
SETS = ExampleSets()


def examples(*labels, names=NAMES):
    """Examples with one class each."""
    rows = (
        ImageExample(f"{n}.jpg", (8, 8), target=np.eye(len(names))[label]) for n, label in enumerate(labels)
    )
    return ExampleSet("train", names, tuple(rows))


def images(*labels, names=NAMES):
    """The same as a set of images."""
    return ImageSet("train", names, examples(*labels, names=names).examples)


def paths(found):
    """The files of a set."""
    return [each.path for each in found.examples]


def test_each_class_is_kept_alike_and_one_example_of_each_cluster():
    some = examples(*[0] * 6, *[1] * 60)
    centers = np.array([[10.0 * (row % 3), 0] for row in range(66)])
    wobble = np.random.default_rng(0).normal(0, 0.1, (66, 2))
    rows = replay_choice.pick_covering(some, lambda chosen: (centers + wobble)[: len(chosen)], 6, 0, SETS)
    labels = [int(np.argmax(some.examples[row].target)) for row in rows]
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]
    for label in (0, 1):
        assert {row % 3 for row, own in zip(rows, labels, strict=True) if own == label} == {0, 1, 2}


def test_a_small_memory_is_kept_whole():
    assert replay_choice.pick_covering(examples(0, 1, 1), None, 5, 0, SETS).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("known", "new", "share", "expected"),
    [(3, 6, 0.5, (6, 6)), (8, 2, 0.5, (8, 8)), (2, 900, 0.5, (40, 900))],
)
def test_replayed_examples_have_their_share(known, new, share, expected):
    sides = examples(*[0] * known), examples(*[1] * new)
    mixed = continued_data._mix(SETS, *sides, share, 0)
    labels = np.array([np.argmax(each.target) for each in mixed.examples])
    assert (int((labels == 0).sum()), int((labels == 1).sum())) == expected
    assert len(set(paths(mixed))) == max(known, new)  # both sides are named from 0 on: nothing is left out


@pytest.mark.parametrize(("wanted", "kept"), [(None, 15), (4, 4)])
def test_a_memory_grows_with_the_classes_unless_its_size_is_given(monkeypatch, wanted, kept):
    names = tuple(map(str, range(40)))
    data = SimpleNamespace(train=examples(*np.arange(1000) % 40, names=names), val=examples(names=names))
    monkeypatch.setattr(MemorySource, "read", lambda self: (None, data))
    monkeypatch.setattr(SETS, "example_names", lambda some, _: paths(some), raising=False)
    wanted = wanted and wanted * len(names)
    fit = SimpleNamespace(retain=(("replay", 0.5),), replay_memory=wanted)
    spec = SimpleNamespace(fit=fit, run=SimpleNamespace(seed=0))
    source = MemorySource("runs/a", {}, "2026-01-01")
    features = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    train, *_ = continued_data._fill_memory(
        spec, [source], (), SETS, names, lambda some: features[: len(some)]
    )
    assert np.bincount([np.argmax(each.target) for each in train.examples]).tolist() == [kept] * 40


def dataset(*labels, names=NAMES):
    """Data of which all is trained on."""
    return SimpleNamespace(train=examples(*labels, names=names), val=examples(names=names))


def test_new_classes_come_last_and_unused_ones_do_not_count():
    data = dataset(1, 3, names=("bus", "car", "tram", "van"))
    assert merge_class_names(NAMES, data, True) == (("bus", "car", "van"), ("van",))


@pytest.mark.parametrize(
    ("names", "labels", "is_accepted", "word"),
    [(("Bus", "car"), (0, 1), True, "Bus=bus"), (("tram",), (0, 0), False, "--retain")],
)
def test_renamed_classes_and_certain_forgetting_are_refused(names, labels, is_accepted, word):
    with pytest.raises(InputError, match=word):
        merge_class_names(NAMES, dataset(*labels, names=names), is_accepted)


def test_a_name_that_is_mapped_to_itself_is_new_however_it_resembles_another():
    data = dataset(0, 1, names=("buss", "car"))
    with pytest.raises(InputError, match="buss=buss"):
        merge_class_names(NAMES, data, True)
    assert merge_class_names(NAMES, data, True, ["buss"]) == (("bus", "car", "buss"), ("buss",))


def test_examples_that_are_gone_and_sources_that_expired(tmp_path):
    source = MemorySource(
        "runs/a", {"run": {"data": "a/"}}, "2026-01-01", None, ("a.jpg", "b.jpg#2"), ("c.jpg",)
    )
    assert replay_memory.find_rows(["b.jpg", "a.jpg", "b.jpg#2"], source, source.train) == [1, 2]
    with pytest.raises(InputError, match=r"1 of 2 .*b\.jpg#2"):
        replay_memory.find_rows(["a.jpg"], source, source.train)
    today = datetime.date.today()
    old = replace(source, run="runs/old", expires=str(today - datetime.timedelta(days=1)))
    last_day = replace(source, run="runs/today", expires=str(today))
    replay_memory.write_memory(tmp_path, [source, old, last_day])
    assert [each.run for each in replay_memory.read_memory(tmp_path)] == ["runs/a", "runs/today"]
    assert replay_memory.read_memory(tmp_path, with_expired=True) == [source, old, last_day]


@pytest.mark.parametrize(("is_new", "expected"), [(True, ["0.jpg", "2.jpg"]), (False, ["2.jpg"])])
def test_forgotten_examples_are_no_candidates(monkeypatch, is_new, expected):
    source = MemorySource("runs/a", {"run": {"data": "a/"}}, "2026-01-01", None, ("1.jpg", "2.jpg"), ())
    data = SimpleNamespace(train=examples(0, 1, 0), val=examples())
    monkeypatch.setattr(MemorySource, "read", lambda self: (None, data))
    modality = SimpleNamespace(select=SETS.select, example_names=lambda some, _: paths(some))
    rules = [Forgotten("a/", ("1*",)), Forgotten("elsewhere")]
    train, val = replay_choice.read_candidates(source, modality, is_new, rules)
    assert train.names == paths(train.examples) == expected
    assert val.names == []


def test_what_is_forgotten_is_written_with_the_memory(tmp_path):
    rules = [Forgotten("a/"), Forgotten("b/", ("x*", "y"))]
    replay_memory.write_memory(tmp_path, [], rules)
    assert replay_memory.read_forgotten(tmp_path) == rules
    assert replay_memory.read_memory(tmp_path) == []


def test_a_damaged_memory_is_said(tmp_path):
    (tmp_path / "memory.json").write_text('{"sources": [{"run": 1}]}')
    with pytest.raises(InputError, match=r"memory\.json"):
        replay_memory.read_memory(tmp_path)


def test_data_of_other_runs_is_learned_as_new_and_kept_in_the_memory(tmp_path, monkeypatch):
    """Their classes are added, what is to be forgotten is left out, and another task is refused."""
    run = tmp_path / "refused"
    run.mkdir()
    tasks.find("vehicle_classify").make_spec({"task": "vehicle_classify", "data": "labeled/1"}).write(
        run / "spec.json"
    )
    replay_memory.write_memory(run, [], [Forgotten("labeled/1", ("*1.jpg",))])
    theirs = SimpleNamespace(train=images(0, 0, 0, names=("tram",)), val=images(0, names=("tram",)))
    monkeypatch.setattr(MemorySource, "read", lambda self: (None, theirs))
    spec = tasks.find("vehicle_classify").make_spec({"task": "vehicle_classify", "with_data_of": (str(run),)})
    new = LabeledDataset(images(0, 1), images(1), None)
    task = tasks.find("vehicle_classify")
    joined, (source,), rules = join_data_of_runs(spec, task, new, [])
    assert joined.train.class_names == joined.val.class_names == ("bus", "car", "tram")
    labels = [int(np.argmax(each.target)) for each in (*joined.train.examples, *joined.val.examples)]
    assert labels == [0, 1, 2, 2, 1, 2] and joined.held_out is joined.val
    kept = [name[-5:] for name in (*source.train, *source.val)]
    assert (kept, source.data) == (["0.jpg", "2.jpg", "0.jpg"], "labeled/1")
    assert rules == [Forgotten("labeled/1", ("*1.jpg",))]
    with pytest.raises(InputError, match="vehicle_detect"):
        join_data_of_runs(spec.replace(task="vehicle_detect"), task, new, [])
