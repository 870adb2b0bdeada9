"""Find and call the programs of SUMO, the traffic simulation of the extra `signals`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cityzoo.errors import InputError

INSTALL = 'pip install "cityzoo[signals]"'


def sumo_home() -> Path:
    """Return SUMO's folder: of the package eclipse-sumo, else of the environment variable SUMO_HOME.

    Raises:
        InputError: there is none, with the line that installs it.
    """
    spec = importlib.util.find_spec("sumo")
    packages = list(spec.submodule_search_locations or ()) if spec else []
    for folder in (*packages, os.environ.get("SUMO_HOME", "")):
        if folder and (Path(folder) / "bin").is_dir():
            return Path(folder)
    raise InputError(
        f"no SUMO on this machine (package eclipse-sumo): the simulation needs it; run {INSTALL}"
    )


def call(program: str, arguments: Sequence[str], folder: Path) -> None:
    """Run one of SUMO's programs in a folder, without its words.

    Args:
        program: "sumo" or "netconvert".
        arguments: as on its command line; files are named from the folder.
        folder: where it runs.

    Raises:
        InputError: there is no SUMO, or it stopped; with its last words.
    """
    home = sumo_home()
    command = [str(home / "bin" / program), *arguments]
    environment = {**os.environ, "SUMO_HOME": str(home)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode:
        said = " ".join((ran.stderr or ran.stdout).split())[-300:]
        raise InputError(f"SUMO's {program} stopped with code {ran.returncode}: {said}")
