"""Location and calls of SUMO, the traffic simulation of the extra `signals`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cityzoo.errors import InputError

INSTALL = 'pip install "cityzoo[signals]"'


def sumo_home() -> Path:
    """Return the folder of SUMO: of the package eclipse-sumo, else the environment variable SUMO_HOME.

    Raises:
        InputError: SUMO is not installed.
    """
    spec = importlib.util.find_spec("sumo")
    packages = list(spec.submodule_search_locations or ()) if spec else []
    for folder in (*packages, os.environ.get("SUMO_HOME", "")):
        if folder and (Path(folder) / "bin").is_dir():
            return Path(folder)
    raise InputError(f"SUMO is not installed (package eclipse-sumo): run {INSTALL}")


def call(program: str, arguments: Sequence[str], folder: Path) -> None:
    """Run one of SUMO's programs in a folder, without its output.

    Args:
        program: "sumo" or "netconvert".
        arguments: of its command line; files are relative to the folder.
        folder: working directory.

    Raises:
        InputError: SUMO is not installed, or failed; with the end of its output.
    """
    home = sumo_home()
    command = [str(home / "bin" / program), *arguments]
    environment = {**os.environ, "SUMO_HOME": str(home)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode:
        output = " ".join((ran.stderr or ran.stdout).split())[-300:]
        raise InputError(f"SUMO's {program} failed with code {ran.returncode}: {output}")
