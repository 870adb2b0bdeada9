"""The description of an exported file inside the file itself, where its format has a place for it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.errors import DAMAGE, InputError
from cityzoo.runtime.packages import require

KEY = "cityzoo"  # of one JSON document
ENTRY = "cityzoo.json"
TASKS = {"boxes": "detect", "scores": "detect", "logits": "classify"}  # as other tools call them
STRIDE = 32  # the largest one of a detector


def embed(path: Path, fmt: str, about: Mapping[str, Any]) -> None:
    """Write a description into a file: ONNX `metadata_props`, OpenVINO `rt_info`, a zip behind a LiteRT file, an asset.

    ONNX and OpenVINO files get the keys `names`, `task`, `imgsz` and `stride`, too, by which other tools know classes
    and input size.
    """
    text = json.dumps(about)
    if fmt == "onnx":
        import onnx

        model = onnx.load(path)
        onnx.helper.set_model_props(model, {KEY: text, **_common_keys(about)})
        onnx.save(model, path)
    elif fmt == "openvino":
        _embed_openvino(path, text, about)
    elif fmt == "litert":
        with zipfile.ZipFile(path, "a") as archive:  # readers of the flatbuffer ignore what follows it
            archive.writestr(ENTRY, text)
            archive.writestr("labels.txt", "\n".join(about["class_names"]) + "\n")
    else:
        (path / "assets").mkdir(exist_ok=True)
        (path / "assets" / ENTRY).write_text(text)


def _embed_openvino(path: Path, text: str, about: Mapping[str, Any]) -> None:
    openvino = require("openvino", "--format openvino")
    model = openvino.Core().read_model(str(path))
    for key, value in {KEY: text, **_common_keys(about)}.items():
        model.set_rt_info(value, ["model_info", key])
    part = path.with_name(
        f"described-{path.name}"
    )  # the weights of the model read are still mapped into memory
    openvino.save_model(model, str(part), compress_to_fp16=False)
    del model
    for file in (part, part.with_suffix(".bin")):
        file.replace(path.with_suffix(file.suffix))


def _common_keys(about: Mapping[str, Any]) -> dict[str, str]:
    task = next((TASKS[each["name"]] for each in about["outputs"] if each["name"] in TASKS), None)
    size = about["inputs"][0].get("size_hw")
    if task is None or size is None:
        return {}
    names = dict(enumerate(about["class_names"]))
    return {"names": str(names), "task": task, "imgsz": str(size), "stride": str(STRIDE)}


def read(path: Path, fmt: str) -> dict[str, Any]:
    """Return the description inside a file.

    Raises:
        InputError: there is none.
    """
    try:
        return json.loads(READERS[fmt](path))
    except DAMAGE as error:
        raise InputError(
            f"'{path}' has no description of cityzoo inside ({error}): give a file that python -m cityzoo export wrote"
        ) from error


def _read_onnx(path: Path) -> str:
    ort = require("onnxruntime", f"'{path}'")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.get_modelmeta().custom_metadata_map[KEY]


def _read_openvino(path: Path) -> str:
    openvino = require("openvino", f"'{path}'")
    return str(openvino.Core().read_model(str(path)).get_rt_info(["model_info", KEY]).astype(str))


def _read_litert(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(ENTRY).decode()


def _read_saved_model(path: Path) -> str:
    return (path / "assets" / ENTRY).read_text()


READERS = {
    "onnx": _read_onnx,
    "openvino": _read_openvino,
    "litert": _read_litert,
    "saved_model": _read_saved_model,
}
