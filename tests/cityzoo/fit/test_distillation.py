"""A student and its teacher: what it is told, kept and resumed; and teachers that cannot be used."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit import checkpoint, distillation, distillation_teacher
from cityzoo.fit.distillation_teacher import PIN, check_teacher, pin_teacher
from cityzoo.model import load
from cityzoo.outputs.counting import Counting
from cityzoo.spec import Phase
from heads.detection import DetectionHead

FEATURES = ("neck_P3_topdown_act", "neck_P4_sum", "neck_P5_sum")


@pytest.fixture
def taught(make_resolved, whole, tmp_path):
    """Return a function that makes a student's spec: (*phases, **flags)."""
    teacher = pin_teacher(str(whole.folder.path))
    return lambda *plan, **flags: make_resolved(
        tmp_path / "student", *plan, **{"teacher": teacher, "views": 2, "seed": 3, **flags}
    )


@pytest.fixture
def sources(monkeypatch):
    """The context and the input of each phase of a run."""
    made, plain = [], distillation.with_teacher

    def recorded(context, source, phase):
        made.append((context, plain(context, source, phase)))
        return made[-1][1]

    monkeypatch.setattr(distillation, "with_teacher", recorded)
    return made


def first_batches(source, count=2):
    """The first batches of an epoch as arrays."""
    return [
        (x, {name: np.asarray(v) for name, v in y.items()}) for x, y, *_ in source.batches(0, 1).take(count)
    ]


def test_answers_are_those_of_the_teacher_to_the_same_views(go, taught, whole, sources, in_float32):
    """Behind the cache, and live for new views: what the teacher's model says of the pixels of each example."""
    go(taught(Phase("backbone", 1, 0.01), Phase("none", 1, 0.001)))
    teacher = load(whole.folder.model)
    (context, cached), (_, live) = sources
    assert cached.prefix is not None and live.prefix is None
    rows = [(row, 0) for row in range(8)]
    pixels = np.asarray(context.train.load_batch(rows)[0], np.float32)
    by_boxes = {np.asarray(context.train.load_batch([pair])[1]).tobytes(): n for n, pair in enumerate(rows)}
    expected = teacher.predict_on_batch(pixels)
    found = 0
    for _, y in first_batches(cached):
        for labels, answer in zip(y["labels"], y["teacher"], strict=True):
            number = by_boxes[labels[None].tobytes()]
            np.testing.assert_allclose(answer, expected[number], rtol=1e-3, atol=1e-3)
            found += 1
    assert found == 8
    for images, y in first_batches(live):
        np.testing.assert_allclose(
            y["teacher"], teacher.predict_on_batch(np.asarray(images)), rtol=1e-3, atol=1e-3
        )


def test_a_student_has_the_losses_of_each_answer_and_leaves_a_plain_model(go, taught, whole):
    """One column for each in the history; the saved model has the layers of any other."""
    made = go(taught(Phase("backbone", 2, 0.01)))
    assert {f"{name}_loss" for name in ("labels", "teacher", *FEATURES)} <= set(made.state.history[0])
    names = [[layer.name for layer in load(run.folder.model).layers] for run in (made, whole)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_a_narrower_student_has_adapters_and_resumes_exactly(
    go, taught, whole, stop_after, in_float32, monkeypatch
):
    """Stopped within a phase and between two: the same weights, history and adapters, bit for bit."""
    narrow = property(lambda self: DetectionHead(len(self.class_names), channels=4, depth=1))
    monkeypatch.setattr(type(whole.output), "head", narrow)
    plan = Phase("backbone", 2, 0.01), Phase("none", 1, 0.001)
    straight = go(taught(*plan, out=str(Path(taught(*plan).run.out).with_name("straight"))))
    spec = taught(*plan)
    for epoch in (1, 2):
        stop_after(epoch)
        with pytest.raises(InputError, match="resume with"):
            go(spec, resume=spec.run.out if epoch == 2 else None)
    stop_after(None)
    resumed = go(spec, resume=spec.run.out)
    kept = [checkpoint.load_checkpoint(run.folder.checkpoint)[0] for run in (straight, resumed)]
    assert [array.shape for array in kept[0]["adapters"]][::2] == [(1, 1, 4, 8)] * 3
    for group in ("model", "best", "adapters", "optimizer"):
        for one, other in zip(kept[0][group], kept[1][group], strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(straight.state.history, resumed.state.history, strict=True):
        assert one == {**other, "seconds": one["seconds"]}


@pytest.mark.slow
def test_a_teacher_of_another_size_sees_the_same_views(go, taught, sources):
    """A student of 64 x 96 pixels: as many answers as it has points, boxes in its own pixels."""
    go(taught(Phase("backbone", 1, 0.01), image_size=(64, 96)))
    ((context, source),) = sources
    (_, y), *_ = first_batches(source)
    assert y["teacher"].shape[1:] == context.assembled.model.output.shape[1:]
    assert y["neck_P3_topdown_act"].shape[1:3] == (8, 12)
    centers = (y["teacher"][0, :, 0] + y["teacher"][0, :, 2]) / 2
    assert centers.max() > 70  # beyond the teacher's 64


@pytest.mark.parametrize("freeze", ["backbone", pytest.param("none", marks=pytest.mark.slow)])
def test_unlabelled_images_are_answered_and_have_no_labels(go, taught, street, sources, tmp_path, freeze):
    """Labeled and unlabeled rows take turns; the labels of the latter have no weight."""
    folder = tmp_path / "more"
    folder.mkdir()
    for number, example in enumerate((*street.val.examples, *street.train.examples)):
        (folder / f"{number}.png").write_bytes(Path(example.path).read_bytes())
    made = go(taught(Phase(freeze, 1, 0.01), unlabelled=str(folder), augment="none", cache="auto"))
    ((context, source),) = sources
    assert context.steps == 3 and len(made.state.history) == 1
    batches = list(source.batches(0, 1).take(3))
    for _, y, weights in batches:
        assert len(y["labels"]) == 8
        np.testing.assert_array_equal(weights["labels"], [2, 0] * 4)
        assert (np.asarray(weights["teacher"]) == 1).all()
    answers = np.concatenate([np.asarray(y["teacher"])[1::2] for _, y, _ in batches])
    assert len(np.unique(answers.round(3), axis=0)) == 12  # each unlabeled image once


def test_teachers_that_cannot_be_used_are_refused_in_one_line(
    go, taught, whole, sorts, tmp_path, monkeypatch
):
    """Of another task, other classes, changed since, without a model; and a plan that learns nothing."""
    spec = taught(Phase("backbone", 1, 0.01))
    path, digest = spec.fit.teacher.split(PIN)
    renamed = replace(whole.output, class_names=("red", "green"))
    cases = {
        "was trained for task 'vehicle_detect', this run is for 'vehicle_count'": spec.replace(
            task="vehicle_count"
        ),
        "task 'scene_anomaly' has no distillation loss": spec.replace(task="scene_anomaly"),
        "does not exist": spec.replace(teacher=str(tmp_path / "nowhere")),
        "changed: the sha256 of its model.keras": spec.replace(teacher=path + PIN + "0" * 64),
    }
    for message, bad in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            check_teacher(bad)
        assert "\n" not in str(caught.value)
    check_teacher(spec)
    task = tasks.find("vehicle_detect")
    with pytest.raises(InputError, match="--classes red,blue"):
        distillation_teacher.load_teacher(spec, task, renamed, whole.assembled, None)
    with pytest.raises(InputError, match="needs a phase with gradients"):
        distillation_teacher.load_teacher(
            replace(spec, plan=(Phase("closed_form", 1, 0.01),)), task, whole.output, whole.assembled, None
        )
    empty = tmp_path / "empty"
    empty.mkdir()
    spec.write(empty / "spec.json")
    with pytest.raises(InputError, match=r"holds no model\.keras"):
        check_teacher(spec.replace(teacher=str(empty)))
    (empty / "model.keras").write_bytes(b"no model")
    with pytest.raises(InputError, match="is not a model that Keras loads"):
        distillation_teacher.load_teacher(
            spec.replace(teacher=str(empty)), task, whole.output, whole.assembled, None
        )


def test_counts_are_not_distilled_where_a_class_is_new(taught, whole):
    """The earlier model counts without it; an output with a number for each class keeps its teacher."""
    spec = taught(Phase("backbone", 1, 0.01)).replace(continue_=str(whole.folder.path))
    names = (*whole.output.class_names, "new")
    load = partial(distillation_teacher.load_teacher, spec, tasks.find("vehicle_detect"))
    assert load(Counting(names), whole.assembled, None) is None
    with pytest.raises(InputError, match="the same head"):  # it goes on to compare the heads
        load(replace(whole.output, class_names=names), whole.assembled, None)


@pytest.mark.slow
def test_classifiers_learn_from_logits(go, make_resolved, sorts, tmp_path):
    """Two classes on one logit: a student of the same seed with all weight on its teacher comes close to it."""
    flags = {
        "task": "vehicle_classify",
        "augment": "none",
        "views": 1,
        "dropout": 0.0,
        "schedule": "constant",
    }
    teacher = go(make_resolved(tmp_path / "teacher", Phase("backbone", 4, 0.05), **flags), data=sorts)
    plan = Phase("backbone", 8, 0.05)
    taught = {"teacher": pin_teacher(str(teacher.folder.path)), "teacher_weight": 100.0, "seed": 5}
    student = go(make_resolved(tmp_path / "student", plan, **flags, **taught), data=sorts)
    losses = [row["teacher_loss"] for row in student.state.history]
    assert losses[-1] < 0.2 * losses[0]
    assert student.state.history[-1]["head_embedding_loss"] >= 0
