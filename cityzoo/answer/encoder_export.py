"""Export the sentence encoder of a Hugging Face folder or a run to ONNX, once, into the cache of this machine."""

from __future__ import annotations

import glob
import importlib.util
import logging
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.cache_dir import cache_dir
from cityzoo.cli import quiet_start
from cityzoo.errors import InputError
from cityzoo.replace_file import remove_unfinished, unfinished_name
from zoo.text.registry import build, find_folder, most_tokens
from zoo.text.tokenizer import FILE as TOKENIZER
from zoo.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
MODEL, POOLED, RUN_MODEL = "model.onnx", "pooled", "model.keras"
WEIGHTS = ("config.json", "model.safetensors", TOKENIZER, "vocab.txt", "1_Pooling/config.json", RUN_MODEL)
PRESET = ("model.weights.h5", "assets/tokenizer/vocabulary.txt")  # of KerasHub
MOST_TOKENS = 128  # of a text; what is beyond is cut off
TOLERANCE = 1e-4  # between vectors of Keras and of ONNX Runtime, of length 1


def find_exported(name: str, download: bool = True) -> Path:
    """Return the folder with the exported encoder, which is written if it is not in the cache.

    Args:
        name: a run folder, a Hugging Face folder, or a name such as "minilm".
        download: whether files of a named encoder that are not on this machine are downloaded.

    Raises:
        ValueError: no such encoder, or one that cannot be exported here.
    """
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    cache = cache_dir() / "encoders"
    try:
        source = find_folder(name, download=download and has_tensorflow)
    except ValueError:
        copied = sorted(cache.glob(f"{glob.escape(Path(name).name)}-*"))
        if not copied:  # a server may have the exported files alone
            raise
        return copied[-1]
    digest = sha256()
    for file in (source / part for part in (*WEIGHTS, *PRESET)):
        digest.update(file.read_bytes() if file.is_file() else b"-")
    folder = cache / f"{Path(name).name}-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        if not has_tensorflow:
            raise ValueError(
                f"'{source}' is not exported yet, which needs TensorFlow: run python -m cityzoo answer once where "
                f"it is installed, and copy {folder} from there"
            )
        LOG.info("exporting the encoder '%s' to %s, once", name, folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder.parent)
        part = unfinished_name(folder)
        part.mkdir(exist_ok=True)
        export_encoder(source, part)
        part.rename(folder)
    return folder


def export_encoder(source: Path, folder: Path) -> None:
    """Write model.onnx, token ids to "pooled", and tokenizer.json into a folder; checked against Keras.

    Raises:
        InputError: not an encoder, packages are missing, or ONNX Runtime computes something else.
    """
    with quiet_start():
        from cityzoo.export.portable import portable
        from cityzoo.export.write import write
        from cityzoo.runtime.runtime_model import open_model

        is_run = (source / RUN_MODEL).is_file()
        most = None if is_run else min(MOST_TOKENS, most_tokens(str(source)))
        tokenizer = Tokenizer.from_folder(source, most)
        encoder = _load(source, tokenizer)
    path = write(portable(encoder), "onnx", folder)
    tokenizer.write(folder)
    token_ids = tokenizer(["Where is the bus?", "one"])
    expected = np.asarray(encoder(token_ids)[POOLED])
    found = open_model(path, 1).named_outputs(token_ids)[POOLED]
    difference = float(np.abs(expected - found).max() / max(np.linalg.norm(expected, axis=1).max(), 1e-12))
    if not difference <= TOLERANCE:
        raise InputError(
            f"ONNX Runtime computes other vectors than Keras for '{source}': {difference:.1e} of their length"
        )


def _load(source: Path, tokenizer: Tokenizer) -> keras.Model:
    import keras

    if (source / RUN_MODEL).is_file():
        from cityzoo.model import load

        model = load(source / RUN_MODEL)
        names = [layer.name for layer in model.layers]
        if POOLED not in names:
            raise InputError(
                f"'{source}' is not the run of a text encoder: give one trained with --backbone minilm"
            )
        return keras.Model(model.input, {POOLED: model.get_layer(POOLED).output})
    encoder, _ = build(str(source), "pretrained", tokenizer)
    return keras.Model(encoder.input, {POOLED: encoder.output[POOLED]})
