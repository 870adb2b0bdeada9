"""Features of evaluated examples for TensorBoard's embedding projector."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.visualize.sheets import fit_into

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

SPRITE, METADATA, TENSORS = "sprite.png", "metadata.tsv", "features.tsv"
SIDE = 64  # pixels of an image in the sprite; TensorBoard allows a sprite of 8,192
MOST = 2000  # examples: the projector runs in the browser


def write_projector(run: EvaluatedRun, examples: Any, folder: Path) -> int:
    """Write the run's features of examples, with what is known of each and a small picture, for TensorBoard.

    Args:
        run: an opened run.
        examples: labeled ones; at most `MOST` of them, evenly spread, are written.
        folder: TensorBoard's log folder of the run, which has summaries.

    Returns:
        the number of examples.

    Raises:
        InputError: the model has no features, see `cityzoo.modalities.embedding`.
    """
    from cityzoo.modalities.embedding import embed

    modality = run.task.modality
    rows = np.unique(np.linspace(0, len(examples) - 1, min(MOST, len(examples))).round().astype(int)).tolist()
    chosen = modality.select(examples, rows)
    features = embed(modality, run.model, run.output, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / TENSORS, features, "%.5g", delimiter="\t")
    names = run.output.class_names
    about = [
        {
            "name": Path(str(getattr(each, "name", "") or getattr(each, "path", each))).name,
            "label": describe_label(each, names),
            "group": str(group),
        }
        for each, group in zip(chosen.examples, modality.groups(chosen), strict=True)
    ]
    (folder / METADATA).write_text(format_rows(about), encoding="utf-8")
    images = _render(run, chosen)
    shown = [fit_into(image, (SIDE, SIDE)) for image in images if image is not None]
    if len(shown) == len(chosen):
        _write_sprite(shown, folder / SPRITE)
    config = format_config(len(shown) == len(chosen))
    (folder / "projector_config.pbtxt").write_text(config, encoding="utf-8")
    return len(chosen)


def _render(run: EvaluatedRun, examples: Any) -> list[np.ndarray | None]:
    render, results = run.task.modality.render, run.results(examples)
    if render(run.output, examples.examples[0], results[0], labeled=False) is None:
        return []
    sure = run.output.summarize_predictions(examples, results, run.facts, None).results
    pairs = zip(examples.examples, sure, strict=True)
    return [render(run.output, example, result, labeled=False) for example, result in pairs]


def describe_label(example: Any, class_names: Sequence[str]) -> str:
    """Return the classes of an example's label in words, "" where it has none.

    Example:
        >>> from types import SimpleNamespace
        >>> describe_label(SimpleNamespace(target=np.array([0.0, 1.0])), ("car", "bus"))
        'bus'
        >>> describe_label(SimpleNamespace(target=None, labels=np.array([0, 1, 0])), ("car", "bus"))
        '2 car, 1 bus'
    """
    target = getattr(example, "target", None)
    if target is not None and np.shape(target) == (len(class_names),):
        return ", ".join(name for name, value in zip(class_names, target, strict=True) if value > 0.5)
    counts = Counter(np.asarray(getattr(example, "labels", ()), int).tolist())
    return ", ".join(f"{count} {class_names[label]}" for label, count in sorted(counts.items()))


def format_rows(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as the projector reads them: a header and a line for each, separated by tabs.

    Example:
        >>> format_rows([{"name": "a.png", "label": "bus"}])
        'name\\tlabel\\na.png\\tbus\\n'
    """
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    table.writerow(rows[0].keys())
    table.writerows([" ".join(value.split()) for value in row.values()] for row in rows)
    return text.getvalue()


def format_config(has_sprite: bool) -> str:
    """Return the projector's configuration, in protobuf's text format."""
    sprite = f' sprite {{ image_path: "{SPRITE}" single_image_dim: [{SIDE}, {SIDE}] }}' if has_sprite else ""
    return f'embeddings {{ tensor_name: "features" tensor_path: "{TENSORS}" metadata_path: "{METADATA}"{sprite} }}\n'


def _write_sprite(images: Sequence[np.ndarray], path: Path) -> None:
    from PIL import Image

    columns = int(np.ceil(np.sqrt(len(images))))  # the projector expects a square
    sheet = Image.new("RGB", (columns * SIDE, columns * SIDE))
    for place, image in enumerate(images):
        (height, width), (row, column) = image.shape[:2], divmod(place, columns)
        sheet.paste(
            Image.fromarray(image), (column * SIDE + (SIDE - width) // 2, row * SIDE + (SIDE - height) // 2)
        )
    sheet.save(path)
