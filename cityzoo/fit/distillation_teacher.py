"""The teacher of a run: the model of an earlier run whose answers a student learns as well as the labels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit.run_files import RunFolder
from cityzoo.fit.run_folder import open_run
from cityzoo.spec import CLOSED_FORM

if TYPE_CHECKING:
    import keras

    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output
    from cityzoo.spec import ResolvedSpec, TrainSpec

LOG = logging.getLogger(__name__)
PIN = "@sha256:"  # between the path of a teacher and the hash of its weights, in spec.json
ANSWER = "teacher"  # name of the teacher's output among its answers
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Teacher:
    """What a student learns from.

    Attributes:
        answers: the student's inputs -> {ANSWER: as the student's outputs, layer: features}.
        adapters: for each of these layers, what brings the student's features to as many channels.
        select_known: returns what a student's outputs say of the teacher's classes.
    """

    answers: keras.Model
    adapters: Mapping[str, keras.layers.Layer]
    select_known: Callable[[Any], Any]

    def extend(self, model: keras.Model) -> keras.Model:
        """Return a student with an output for its labels and one for each of the answers; its layers are shared."""
        import keras

        outputs = {
            "labels": model.output,
            ANSWER: keras.layers.Identity(name=ANSWER)(self.select_known(model.output)),
        }
        adapted = {name: adapt(model.get_layer(name).output) for name, adapt in self.adapters.items()}
        return keras.Model(model.input, {**outputs, **adapted}, name=f"{model.name}_student")

    @property
    def weights(self) -> list[Any]:
        """Return the adapters' weights as arrays, for a checkpoint."""
        return [weight for name in self.adapters for weight in self.adapters[name].get_weights()]

    def restore(self, weights: list[Any]) -> None:
        """Continue from what `weights` returned, if anything."""
        for adapter in self.adapters.values():
            count = len(adapter.weights)
            adapter.set_weights(weights[:count] if weights else adapter.get_weights())
            weights = weights[count:]


def split_teacher(text: str) -> tuple[str, str]:
    """Return the run folder and the hash, or "", of a value of --teacher.

    Example:
        >>> split_teacher("runs/large-1@sha256:0123"), split_teacher("runs/large-1")
        (('runs/large-1', '0123'), ('runs/large-1', ''))
    """
    path, _, digest = text.partition(PIN)
    return path, digest


def pin_teacher(text: str | None) -> str | None:
    """Return --teacher with the hash of its weights, which a resumed run compares.

    Raises:
        InputError: the run has no model, or not that one.
    """
    if not text:
        return None
    from zoo.pretrained import sha256

    path, digest = split_teacher(text)
    model = RunFolder(Path(path)).model
    if not model.is_file():
        raise InputError(f"--teacher '{path}' holds no {model.name}: give a run whose training has ended")
    found = sha256(model)
    if digest and found != digest:
        raise InputError(
            f"--teacher '{path}' changed: the sha256 of its {model.name} is {found[:12]}..., expected "
            f"{digest[:12]}...: restore it, or train a new run"
        )
    return path + PIN + found


def check_teacher(spec: TrainSpec[Any]) -> None:
    """Compare the teacher's run with the student's before anything heavy is loaded.

    Raises:
        InputError: no run, or one of another kind of task.
    """
    if not spec.fit.teacher:
        return
    task = tasks.find(spec.run.task)
    if not task.output.supports_distillation:
        raise InputError(f"--teacher: task '{spec.run.task_name}' has no distillation loss: remove --teacher")
    path, _ = split_teacher(spec.fit.teacher)
    try:
        found = open_run(path)[1].run
    except InputError as error:
        raise InputError(f"--teacher: {error}") from error
    other = tasks.find(found.task)
    if (other.output, other.modality) != (task.output, task.modality):
        raise InputError(
            f"--teacher '{path}' was trained for task '{found.task_name}', this run is for '{spec.run.task_name}': "
            f"give a run of {spec.run.task_name}"
        )
    pin_teacher(spec.fit.teacher)


def load_teacher(
    spec: ResolvedSpec[Any],
    task: tasks.Task,
    output: Output,
    assembled: AssembledModel,
    examples: Any,
    adapters: Sequence[Any] = (),
) -> Teacher | None:
    """Load the teacher of a run and fit its answers to the student; None without one.

    Args:
        spec: of the student's run.
        task: of both.
        output: of the student.
        assembled: the student.
        examples: the training examples.
        adapters: weights of the adapters, of a run that goes on.

    Raises:
        InputError: a damaged run, other classes, inputs or outputs than the student's, or no phase with gradients.
    """
    if not spec.fit.teacher:
        return None
    from cityzoo.model import load

    if all(phase.freeze == CLOSED_FORM for phase in spec.plan):
        if (
            spec.run.continue_
        ):  # the head is computed of kept and new examples: nothing is forgotten step by step
            LOG.info("the head is computed in one pass: nothing is distilled")
            return None
        raise InputError("--teacher needs a phase with gradients: give --freeze, e.g. C4, or --phases")
    path, _ = split_teacher(pin_teacher(spec.fit.teacher) or "")
    teacher = load(RunFolder(Path(path)).model)
    known = task.modality.class_names(teacher)
    grows = spec.run.continue_ is not None and len(known) < len(output.class_names)
    if known != output.class_names[: len(known)] or (len(known) != len(output.class_names) and not grows):
        raise InputError(
            f"--teacher '{path}' knows the classes {', '.join(known)}, this run has {', '.join(output.class_names)}: "
            f"give --classes {','.join(known)}, --class-map, or another teacher"
        )
    if grows and not output.answers_by_class:
        LOG.info("nothing is distilled: '%s' counts without the new classes", path)
        return None
    task.modality.check_manifest(Path(path), examples)
    teacher.trainable = False
    select_known = partial(output.select_classes, known) if grows else _whole
    answers = _answers(teacher, assembled.model, output, path, select_known)
    LOG.info("teacher: %s, %s parameters", path, f"{teacher.count_params():,}")
    made = Teacher(answers, _adapters(answers, assembled.model, spec.run.seed), select_known)
    made.restore(list(adapters))
    return made


def _whole(outputs: Any) -> Any:
    return outputs


def _answers(
    teacher: keras.Model, student: keras.Model, output: Output, path: str, select_known: Callable[[Any], Any]
) -> keras.Model:
    import keras

    names = {layer.name for layer in teacher.layers} & {layer.name for layer in student.layers}
    layers = [name for name in output.imitated_layers if name in names]
    found = {ANSWER: teacher.output, **{name: teacher.get_layer(name).output for name in layers}}
    answers = keras.Model(teacher.input, found, name=teacher.name)
    theirs, own = (keras.tree.map_structure(lambda x: x.shape, m.input) for m in (teacher, student))
    if theirs != own:
        if len(keras.tree.flatten(student.input)) > 1 or len(student.input.shape) != 4:
            raise InputError(
                f"--teacher '{path}' takes inputs of {theirs}, this run has {own}: give a like teacher"
            )
        answers = _at_size_of(student, answers, output)
    own_shape = select_known(student.output).shape
    if answers.output[ANSWER].shape != own_shape:
        raise InputError(
            f"--teacher '{path}' answers with {answers.output[ANSWER].shape}, this run with {own_shape}: "
            "give a teacher with the same head"
        )
    return answers


def _at_size_of(student: keras.Model, answers: keras.Model, output: Output) -> keras.Model:
    # The teacher sees the same view at its own size; what it says of places is brought to the student's grid.
    import keras

    theirs, own = answers.input.shape[1:3], student.input.shape[1:3]
    images = keras.Input(student.input.shape[1:], name="images")
    found = answers(keras.layers.Resizing(*theirs, name="at_teacher_size")(images))
    moved = {ANSWER: output.resample_outputs(found.pop(ANSWER), theirs, own)}
    for name, feature in found.items():
        size = student.get_layer(name).output.shape[1:-1]
        moved[name] = keras.layers.Resizing(*size, name=f"{name}_resized")(feature) if size else feature
    return keras.Model(images, moved, name=f"{answers.name}_resized")


def _adapters(answers: keras.Model, student: keras.Model, seed: int) -> dict[str, keras.layers.Layer]:
    import keras

    made: dict[str, keras.layers.Layer] = {}
    for name, tensor in answers.output.items():
        if name == ANSWER:
            continue
        own = student.get_layer(name).output
        same = own.shape[-1] == tensor.shape[-1]
        start = keras.initializers.GlorotUniform(
            seed
        )  # of its own: a resumed run must not draw other numbers
        options = {"dtype": "float32", "name": f"adapter_{name}"}
        if same:
            made[name] = keras.layers.Identity(**options)
        elif len(own.shape) == 4:
            made[name] = keras.layers.Conv2D(tensor.shape[-1], 1, kernel_initializer=start, **options)
        else:
            made[name] = keras.layers.Dense(tensor.shape[-1], kernel_initializer=start, **options)
        made[name].build(own.shape)
    return made
