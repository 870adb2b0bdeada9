"""Where the versions of models lie in a folder, and whether their documents allow to serve them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.runtime.exported_folder import DESCRIPTION, PARITY, read_document

VERSION = re.compile(r"[1-9]\d{0,8}")
MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
FILES = (".onnx", ".tflite", ".xml", ".keras")
RUN = "report.json"


def find_models(root: Path) -> dict[str, dict[int, Path]]:
    """Return name -> version -> path of every version below a folder, or of the one model that a path is.

    Raises:
        OSError: the folder cannot be read.
    """
    if is_model(root):
        return {name_model(root): {1: root}}
    found = {}
    for folder in sorted(root.iterdir()):
        if MODEL_NAME.fullmatch(folder.name) and folder.is_dir() and (versions := find_versions(folder)):
            found[folder.name] = versions
    return found


def find_versions(folder: Path) -> dict[int, Path]:
    """Return version -> path of the folders of one model that are named by a number."""
    entries = [entry for entry in folder.iterdir() if VERSION.fullmatch(entry.name) and entry.is_dir()]
    return {int(entry.name): entry for entry in sorted(entries, key=lambda entry: int(entry.name))}


def is_model(path: Path) -> bool:
    """Return whether a path is one model: a file, an exported folder or a run folder."""
    names = (DESCRIPTION, f"{DESCRIPTION}.enc", RUN)  # plain, encrypted, a run
    return path.is_file() or any((path / name).is_file() for name in names)


def require_models(root: Path) -> None:
    """Check that a path is one model, or a folder of models, which may still be empty.

    Raises:
        InputError: neither.
    """
    if not root.exists():
        raise InputError(f"'{root}' does not exist: give a folder MODELS/NAME/VERSION, or an exported folder")
    if root.is_file() and root.suffix not in FILES:
        raise InputError(f"'{root}' is not a model: files end in {', '.join(FILES)}")
    if not is_model(root) and not find_models(root) and any(not _is_hidden(e) for e in root.iterdir()):
        raise InputError(
            f"'{root}' has no model: expected NAME/VERSION/ with the files of an exported folder, VERSION from 1"
        )


def _is_hidden(entry: Path) -> bool:
    return entry.name.startswith(".") or entry.name == "lost+found"


def name_model(path: Path) -> str:
    """Return the name of a model that lies in no repository: its task, else its file's or folder's name."""
    for document, key in ((DESCRIPTION, "task"), ("spec.json", "task"), (RUN, "task")):
        try:
            named = json.loads((path / document).read_text(encoding="utf-8")).get(key)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(named, str) and MODEL_NAME.fullmatch(named):
            return named
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem) or "model"


def require_parity(path: Path) -> None:
    """Check that an exported folder passed its parity gate when it was made; runs and files of Keras have none.

    Raises:
        InputError: it did not pass, or has no parity.json.
    """
    if not path.is_dir() or not (path / DESCRIPTION).is_file():
        return
    parity: Any = read_document(path, PARITY)
    if not isinstance(parity, dict) or parity.get("passed") is not True:
        raise InputError(
            f"'{path.name}' did not pass its parity gate (loss of {parity.get('metric')} {parity.get('loss')}, "
            f"allowed {parity.get('allowed_loss')}): export it in another precision"
        )


def read_stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of a version's files, which change when somebody corrects it."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    stats = ((str(file), file.stat()) for file in sorted(files))
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
