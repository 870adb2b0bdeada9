"""Folders of demo data that are written completely or not at all, and only once."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from cityzoo.errors import InputError

MARK = "demo.json"  # describes the content of a finished folder; written last


def write_once(folder: Path, made: Mapping, fill: Callable[[Path], None]) -> Path:
    """Fill a folder and return it; a finished folder with the same content is reused.

    The files are written to a hidden folder next to it, which is renamed at the end, so two processes may write the
    same folder at the same time.

    Args:
        folder: a new or empty folder, or one that already has this content.
        made: JSON description of the content.
        fill: writes the files into a folder.

    Raises:
        InputError: the folder has other content.
        OSError: the disk is full or not writable.
    """
    if _is_finished(folder, made):
        return folder
    draft = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}.part"
    draft.mkdir(parents=True)
    try:
        fill(draft)
        (draft / MARK).write_text(_to_json(made), encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()  # an empty folder prevents the rename on some systems
        draft.rename(folder)
    except OSError:
        if not _is_finished(folder, made):  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _to_json(made: Mapping) -> str:
    return json.dumps(dict(made), indent=1) + "\n"


def _is_finished(folder: Path, made: Mapping) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise InputError(f"{folder} is a file: expected a new or empty folder, choose another")
    mark = folder / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == _to_json(made):
        return True
    if any(folder.iterdir()):
        raise InputError(
            f"{folder} is not empty: expected a new or empty folder, choose another or empty it first"
        )
    return False
