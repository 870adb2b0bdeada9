"""Fine-tune a run's model with fake quantization, so that its int8 files lose less than those quantized afterwards."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.fit import fine_tune
from cityzoo.fit.run_folder import RunFolder
from cityzoo.model import is_fake_quantized, save
from cityzoo.replace_file import replace_file
from cityzoo.spec import Phase, ResolvedSpec

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
FILE, START = "quantization.json", "start.keras"
EPOCHS = 0.15  # of the run's
RATE = 0.01  # of the run's
MOVING = 0.3  # share of the steps after which ranges of activations stand still


@dataclass(frozen=True)
class QuantizationRequest:
    """What to fine-tune with fake quantization, and how long.

    Attributes:
        run: folder of the run.
        epochs: of fine-tuning; 0: a sixth of the run's.
        learning_rate: peak; 0: a hundredth of the run's.
        images: number of training images that the first ranges are taken from.
    """

    run: str
    epochs: int = 0
    learning_rate: float = 0.0
    images: int = 32

    @property
    def default_out(self) -> str:
        """Return the folder of the new run.

        Example:
            >>> QuantizationRequest("runs/a/").default_out
            'runs/a-int8'
        """
        return f"{Path(self.run)}-int8"


def fine_tune_quantized(request: QuantizationRequest, out: Path) -> dict[str, Any]:
    """Fine-tune a run's model with fake quantization in a new run folder, or continue what was begun there.

    Returns:
        The report of the new run, which compares it with the run that it comes from.

    Raises:
        InputError: no model that can be quantized, or another folder of that name.
    """
    from cityzoo.compress.training import fine_tune_start

    source, own = _open_source(request), RunFolder(out)
    is_begun = _claim(request, own)
    spec = _make_spec(request, source, own)
    task, data, output = fine_tune.load_task_data(spec)
    steps = sum(phase.epochs for phase in spec.plan) * (len(data.train) // spec.fit.batch_size)
    if not (is_begun and (own.path / START).is_file() and own.spec.is_file()):
        save(_quantize(source, request.images, int(MOVING * steps)), (own.path / START))
        spec.write(own.spec)
    facts = {"source": request.run, "images": request.images, "steps_with_moving_ranges": int(MOVING * steps)}
    return fine_tune_start(spec, task, data, output, own, {"quantization": facts}, source)


def _open_source(request: QuantizationRequest) -> EvaluatedRun:
    source = open_evaluated(request.run)
    if source.task.modality.name != "image" or not source.output.trainable:
        raise InputError(
            f"'{request.run}' is a run of {source.spec.run.task}: only models of images with a trainable head are "
            "fine-tuned with fake quantization; quantize its file: python -m cityzoo export --int8"
        )
    if is_fake_quantized(source.folder.model):
        raise InputError(
            f"'{request.run}' was fine-tuned with fake quantization already: export it with --int8"
        )
    if not isinstance(source.spec, ResolvedSpec):
        raise InputError(f"'{request.run}' was not trained by this version: train it again with --config")
    return source


def _claim(request: QuantizationRequest, own: RunFolder) -> bool:
    # Whether the folder is one that the same request began.
    path, wanted = own.path / FILE, asdict(request)
    if path.is_file() and json.loads(path.read_text()) == wanted:
        if (own.path / "report.json").is_file():
            raise InputError(
                f"'{own.path}' is finished: give another --out, or evaluate it: evaluate.py {quote(str(own.path))}"
            )
        LOG.info("continuing what was begun in %s", own.path)
        return True
    if own.path.exists():
        raise InputError(f"--out '{own.path}' exists: give a new name or remove it")
    try:
        own.path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"'{own.path}' cannot be created ({error.strerror}): give another --out") from error
    with replace_file(path) as part:
        part.write_text(json.dumps(wanted, indent=2) + "\n")
    return False


def _make_spec(request: QuantizationRequest, source: EvaluatedRun, own: RunFolder) -> ResolvedSpec[Any]:
    from cityzoo.compress.training import FINE_TUNED

    spec: Any = source.spec
    trained = sum(phase.epochs for phase in spec.plan)
    epochs = request.epochs or max(1, round(EPOCHS * trained))
    rate = request.learning_rate or spec.fit.learning_rate * RATE
    reset: dict[str, Any] = {"adapt": None, "delta": None, "unlabelled": None, **FINE_TUNED}
    reset = {name: value for name, value in reset.items() if hasattr(spec.modality, name)}
    start = str((own.path / START).absolute())
    spec = spec.replace(weights=start, out=str(own.path), repeats=1, minutes=None, find_lr=False, **reset)
    return replace(spec, plan=(Phase("none", epochs, rate),))


def _quantize(source: EvaluatedRun, images: int, freeze_after: int) -> keras.Model:
    from cityzoo.export.calibration import calibration_batches
    from zoo.quantization.fold import fold_batchnorm
    from zoo.quantization.insert import insert_fake_quantization, set_ranges

    folded, _ = fold_batchnorm(source.model)
    model, _ = insert_fake_quantization(folded, freeze_after)
    set_ranges(model, calibration_batches(source, images))
    return model
