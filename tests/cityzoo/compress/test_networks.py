"""What the changed networks are trained like, and how files are timed."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.compress import measure, networks
from cityzoo.compress.networks import Networks
from cityzoo.fit.distillation_teacher import PIN
from cityzoo.fit.run_folder import RunFolder
from cityzoo.spec import Phase
from cityzoo.spec_file import Config, make_spec


@pytest.fixture
def trained(monkeypatch):
    """The specs of all trainings, which are not done; and of what is pruned."""
    made = []

    def note(spec, task, data, output, own, more, source):
        made.append((spec, more))
        (own.path / "report.json").write_text('{"task": "vehicle_detect"}')

    monkeypatch.setattr(networks, "fine_tune_start", note)
    monkeypatch.setattr(networks.fine_tune, "load_task_data", lambda spec: (None, None, None))
    monkeypatch.setattr(networks.pruning, "prune", lambda request, folder: made.append((request, folder)))
    return made


@pytest.fixture
def source(tmp_path):
    """A detector's run of two phases, whose model is some bytes."""
    flags = {"backbone": "mobilenet_075", "image_size": (256, 320), "seed": 4, "repeats": 3, "epochs": 9}
    spec = make_spec(Config(flags, (Phase("backbone", 3, 0.002), Phase("C3", 5, 0.0002))))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.model.write_bytes(b"weights")
    task = tasks.find("vehicle_detect")
    return SimpleNamespace(folder=run, spec=spec, task=task, output=task.output(("car",)))


def test_a_smaller_input_is_fine_tuned_with_the_run_as_its_teacher(source, trained, tmp_path):
    """From the run's weights, with its last phase at a tenth of the rate; a finished one is not trained again."""
    maker, folder = Networks(source), tmp_path / "input" / "run"
    assert maker.make("input:192x256", folder) == folder == maker.make("input:192x256", folder)
    ((spec, more),) = trained
    assert spec.modality.image_size == (192, 256) and spec.run.weights == str(source.folder.model)
    assert spec.plan == (Phase("C3", 5, 0.002 * networks.LATER_PHASES),)
    assert (spec.modality.backbone_rate, spec.modality.layer_decay, spec.modality.train_scale) == (
        1.0,
        1.0,
        1.0,
    )
    path, digest = spec.fit.teacher.split(PIN)
    assert path == str(source.folder.path) and len(digest) == 64
    assert (spec.run.out, spec.run.repeats, spec.run.seed, more) == (
        str(folder),
        1,
        4,
        {"compressed": "input:192x256"},
    )


def test_a_student_has_the_runs_own_plan(source, trained, tmp_path):
    """Another backbone from other weights, as many epochs as asked for."""
    Networks(source, epochs=2, weights="some.h5").make("student:mobilenet_050", tmp_path / "student")
    ((spec, _),) = trained
    assert (spec.run.backbone, spec.run.weights) == ("mobilenet_050", "some.h5")
    assert [(phase.freeze, phase.epochs) for phase in spec.plan] == [("backbone", 2), ("C3", 2)]
    assert spec.fit.teacher.startswith(str(source.folder.path))


def test_nothing_is_learned_of_a_head_in_closed_form(source, trained, tmp_path):
    """There is no teacher where no phase has gradients."""
    source.spec = make_spec(Config({"backbone": "mobilenet_075"}, (Phase("closed_form", 1, 0.002),)))
    Networks(source, epochs=2).make("student:mobilenet_050", tmp_path / "student")
    ((spec, _),) = trained
    assert spec.fit.teacher is None and spec.plan == source.spec.plan


def test_pruning_gets_the_share_and_the_original_stays(source, trained, tmp_path):
    """The request of the command that prunes alone."""
    maker = Networks(source, epochs=7)
    assert maker.make("original", tmp_path / "original") == source.folder.path and trained == []
    maker.make("prune:0.6", tmp_path / "pruned")
    ((request, folder),) = trained
    assert (request.run, request.by, request.share, request.epochs) == (
        str(source.folder.path),
        "latency",
        0.6,
        7,
    )
    assert folder == tmp_path / "pruned"


def test_files_are_timed_in_turn(monkeypatch, tmp_path):
    """Round by round; the first rounds do not count; the median of the others is each file's time."""
    order, clock = [], [0.0]

    class Timed:
        inputs = (SimpleNamespace(name="images", shape=(None, 2, 2, 3), dtype="float32"),)

        def __init__(self, path):
            self.path = path

        def named_outputs(self, feeds):
            assert feeds["images"].shape == (1, 2, 2, 3) and feeds["images"].dtype == np.float32
            order.append(self.path.name)
            clock[0] += {"a": 0.002, "b": 0.004}[self.path.name] * (
                1 if len(order) > 2 * measure.WARM_UP else 50
            )

    monkeypatch.setattr("cityzoo.runtime.runtime_model.open_model", Timed)
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    assert measure.median_milliseconds([tmp_path / "a", tmp_path / "b"], 5) == pytest.approx([2.0, 4.0])
    assert order == ["a", "b"] * (measure.WARM_UP + 5)
