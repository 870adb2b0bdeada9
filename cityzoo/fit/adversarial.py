"""`--adversarial`: attacked images in the steps of a training, and in the choice of its best epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from augment.epoch_order import sequential_order
from cityzoo import predict
from cityzoo.cli.attack import TRADES, Attack, read_attack
from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.fit.context import TrainContext
    from cityzoo.fit.phase_inputs import PhaseInput
    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task
    from heads.adversarial import AdversarialModel

FLAG = "--adversarial"
PREFIX = "attacked_"  # of the metric that chooses the best epoch
LEAST_STEPS = 10  # of the attack on validation images


def attack_of(spec: TrainSpec[Any]) -> Attack | None:
    """Return how the training images of a run are attacked; None: not at all."""
    text = getattr(spec.modality, "adversarial", None)
    return read_attack(text) if text else None


def find_gradient_flag(spec: TrainSpec[Any]) -> str:
    """Return the flag that a head in closed form does not take into account; "": none."""
    return FLAG if attack_of(spec) else "--independent-of" * bool(spec.output.get("independent_of"))


def add_attack(spec: TrainSpec[Any], task: Task) -> Task:
    """Return the task of a run: with `--adversarial` the metric under attack chooses the best epoch.

    Raises:
        InputError: another flag does not go with it, or the backend is not TensorFlow.
    """
    if attack_of(spec) is None:
        return task
    others = {
        "--teacher": spec.fit.teacher,
        "--continue": spec.run.continue_,
        "--unlabelled": spec.modality.unlabelled,
        "--find-lr": spec.fit.find_lr,
        "--robust-groups": spec.output.get("robust_groups"),
        "--independent-of": spec.output.get("independent_of"),
    }
    for name in (name for name, value in others.items() if value):
        raise InputError(f"{FLAG} and {name} cannot be combined: remove one of them")
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"{FLAG} trains on Keras' TensorFlow backend, not on {keras.backend.backend()}: unset KERAS_BACKEND"
        )
    return replace(task, monitor=PREFIX + task.monitor)


def make_attacked(context: TrainContext) -> AdversarialModel:
    """Return the model of a run as one that attacks the images it learns."""
    from heads.adversarial import AdversarialModel

    attack, output = read_attack(context.spec.modality.adversarial), context.output
    loss = output.loss(context.modality.size_hw(context.spec))
    beta = attack.beta if attack.kind == TRADES else 0.0
    several = bool(getattr(output, "several", False))
    given = attack.eps, attack.steps, beta, several, context.spec.run.seed
    return AdversarialModel(context.assembled.model, loss, *given)


def with_attack(context: TrainContext, source: PhaseInput) -> PhaseInput:
    """Return a phase's input with a model that attacks its images, where a run has `--adversarial`."""
    return source if attack_of(context.spec) is None else replace(source, trained=context.attacked)


def measure_attacked(context: TrainContext) -> dict[str, Any]:
    """Return the metric that chooses the best epoch: that of validation images under attack; nothing without one."""
    attack = attack_of(context.spec)
    if attack is None:
        return {}
    import tensorflow as tf

    val: Any = context.val
    steps, model = max(attack.steps, LEAST_STEPS), context.attacked

    def batches() -> Iterator[tuple[Any, Any]]:
        for images, targets, matrices in val.batches(sequential_order(len(val)), context.spec.fit.batch_size):
            changed = model.attack_compiled(tf.cast(images, tf.float32), targets, attack.eps, steps)
            yield changed, matrices.numpy()

    results = predict.predict_batches(context.assembled.model, batches(), val)
    name = context.task.monitor.removeprefix(PREFIX)
    return {PREFIX + name: context.output.metrics(val.examples, results)[name]}
