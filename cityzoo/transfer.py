"""Start from a model that cityzoo trained before: layers by name, classes by name."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.model import PRUNED, AssembledModel, class_names, load

if TYPE_CHECKING:
    import keras


def is_model(weights: str) -> bool:
    """Return whether `--weights` names a whole model rather than a backbone's weights."""
    return Path(weights).suffix == ".keras"


def adopt_widths(assembled: AssembledModel, path: str) -> AssembledModel:
    """Give a fresh model the numbers of channels of an earlier one that was pruned; else return it as it is.

    Args:
        assembled: the fresh model, of the backbone that was pruned.
        path: a model.keras; layers whose size depends on the classes keep their own.
    """
    config = _read_config(path)
    if not config.get("name", "").endswith(PRUNED):
        return assembled
    from zoo.pruning.cut import find_part, read_widths, resize

    own = read_widths(assembled.model.get_config())
    changed = {
        layer: width
        for layer, width in read_widths(config).items()
        if layer != "head_logits" and own.get(layer, width) != width
    }
    model = resize(assembled.model, changed)
    model.name = assembled.model.name.removesuffix(PRUNED) + PRUNED
    return replace(assembled, model=model, backbone=find_part(assembled.backbone, model))


def _read_config(path: str) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read("config.json"))["config"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}  # `load` says what is wrong with it


def start_from(assembled: AssembledModel, weights: str) -> AssembledModel:
    """Return a fresh model with the weights of an earlier one, if `weights` names a whole model; else itself.

    Raises:
        InputError: another backbone or another head.
    """
    import zoo

    if not is_model(weights):
        return assembled
    taken = load_matching_weights(assembled.model, weights)
    note = f"a whole model; classes taken over: {', '.join(taken) or 'none'}"
    return replace(assembled, origin=zoo.Origin("file", weights, zoo.pretrained.sha256(weights), note))


def load_matching_weights(model: keras.Model, path: str) -> tuple[str, ...]:
    """Give a fresh model the weights of an earlier one.

    Layers of the same name take the weights over; of the class logits each class takes those of its name,
    and a class that the earlier model did not know starts afresh.

    Args:
        model: the fresh model, changed in place.
        path: a model.keras of the same backbone; its classes and input size may differ.

    Returns:
        The classes that were taken over.

    Raises:
        InputError: another backbone or another head.
    """
    earlier = load(path)
    old_names, new_names = class_names(earlier), class_names(model)
    sources = {layer.name: layer for layer in earlier.layers}
    extra = [name for name in sources if sources[name].weights and name not in {x.name for x in model.layers}]
    if extra:  # VGG19 has every layer of VGG16, and more
        raise InputError(
            f"'{path}' has a layer '{extra[0]}' too many: give the model of a run of this --backbone"
        )
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in sources:
            raise InputError(
                f"'{path}' has no layer '{layer.name}': it was trained on another --backbone; give the same one"
            )
        old, new = sources[layer.name].get_weights(), layer.get_weights()
        if [w.shape for w in old] == [w.shape for w in new] and (
            old_names == new_names or layer.name != "head_logits"
        ):
            layer.set_weights(old)
        elif layer.name == "head_logits":
            layer.set_weights([_by_class(o, n, old_names, new_names) for o, n in zip(old, new, strict=True)])
        else:
            raise InputError(
                f"'{path}': layer '{layer.name}' is of another size; give the model of a run of the same --backbone"
            )
    return tuple(name for name in new_names if name in old_names)


def _by_class(
    old: np.ndarray, new: np.ndarray, old_names: tuple[str, ...], new_names: tuple[str, ...]
) -> np.ndarray:
    if len(old_names) == 2 and old.shape[-1] == 1:  # one logit, the second class's: the first one's is 0
        old = np.concatenate([np.zeros_like(old), old], axis=-1)
    if len(new_names) == 2 and new.shape[-1] == 1:
        if not set(new_names) <= set(old_names):
            return new
        first, second = (old[..., old_names.index(name)] for name in new_names)
        return (second - first)[..., None]
    merged = new.copy()  # the last axis is the classes'
    for position, name in enumerate(new_names):
        if name in old_names:
            merged[..., position] = old[..., old_names.index(name)]
    return merged
