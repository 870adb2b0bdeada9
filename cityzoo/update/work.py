"""A cycle at work: its plan, its state, and the commands that its steps run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cityzoo
from cityzoo.errors import InputError, escape_control
from cityzoo.update.arrivals import FOLDER, read_list
from cityzoo.update.cycle import Cycle, StepState, hash_path
from cityzoo.update.plan import Plan

HOME = Path(cityzoo.__file__).resolve().parents[1]
PYTHON = (sys.executable,)
PATIENCE_SECONDS = 60  # that an interrupted command has to save what it has
LAST_BYTES = 4000  # of a log, searched for its last line


class Waiting(Exception):
    """Report that a cycle cannot go further yet; says what it waits for."""


class StepFailed(Exception):
    """Report why a step failed."""


@dataclass
class Work:
    """What a step works on.

    Attributes:
        plan: of the updates.
        cycle: its state, which steps add results to.
        state: of the current step.
        name: of the current step.
        before: state of the same step when it was last tried.
    """

    plan: Plan
    cycle: Cycle
    state: StepState
    name: str
    before: StepState

    @property
    def folder(self) -> Path:
        """Return the folder of the cycle."""
        return self.cycle.folder

    @property
    def new(self) -> Path:
        """Return the new data: the only file, or the folder of them."""
        files = [each for each in (self.folder / FOLDER).rglob("*") if each.is_file()]
        return files[0] if len(files) == 1 and len(read_list(self.folder)) == 1 else self.folder / FOLDER

    @property
    def selected(self) -> Path | None:
        """Return the folder with examples to label."""
        return self.plan.root / self.plan.select.to / self.cycle.name if self.plan.select else None

    @property
    def labeled(self) -> Path:
        """Return the labeled data: the folder that people moved, else the new data itself."""
        select = self.plan.select
        return self.plan.root / select.labeled / self.cycle.name if select else self.new

    @property
    def run(self) -> Path:
        """Return the run folder that the cycle trains."""
        return self.folder / f"{Path(self.plan.sources.run).name}-{self.cycle.name}"

    @property
    def export(self) -> Path:
        """Return the exported folder."""
        return self.folder / "export"

    def relative(self, path: Path) -> str:
        """Return a path as commands are given it: relative to the plan's folder, if it is below."""
        return os.path.relpath(path, self.plan.root) if path.is_relative_to(self.plan.root) else str(path)

    def keep(self, *paths: Path) -> None:
        """Record the content of what a step wrote."""
        self.state.outputs |= {os.path.relpath(path, self.folder): hash_path(path) for path in paths}

    def require_unchanged(self) -> None:
        """Check that the new model and its export are what earlier steps wrote.

        Raises:
            StepFailed: one is not.
        """
        known: dict[str, str] = {}
        for name in ("train", "export", "sign"):
            known |= self.cycle.steps.get(name, StepState()).outputs
        for name, content in known.items():
            if hash_path(self.folder / name) != content:
                raise StepFailed(f"'{name}' was changed after it was written: restore it, or use --abandon")

    def call(self, words: Sequence[str | Path], codes: Sequence[int] = (0,)) -> int:
        """Run a command in the plan's folder, with its output in the step's log; return its exit code.

        Args:
            words: of the command; paths are made relative to the plan's folder.
            codes: exit codes that are no failure.

        Raises:
            StepFailed: another exit code; the log's last line says why.
        """
        self.state.command = self.command(words)
        self.state.log = f"logs/{self.name}.log"
        self.cycle.write()
        log = self.folder / self.state.log
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as file:
            file.write(f"$ {shlex.join(self.state.command)}\n".encode())
            file.flush()
            self.state.exit_code = run_command(self.state.command, self.plan.root, file)
        if self.state.exit_code not in codes:
            raise StepFailed(self.describe_failure())
        return self.state.exit_code

    def command(self, words: Sequence[str | Path]) -> list[str]:
        """Return the words of a command of Python."""
        return [*PYTHON, *(self.relative(w) if isinstance(w, Path) else w for w in words)]

    def describe_failure(self) -> str:
        """Return exit code, the log's last line, and where it is."""
        log, code = self.folder / self.state.log, self.state.exit_code or 0
        lines = [
            line
            for line in log.read_bytes()[-LAST_BYTES:].decode(errors="replace").splitlines()
            if line.strip()
        ]
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"{how}: {escape_control(lines[-1].strip())}; log: {self.relative(log)}"


def run_command(words: Sequence[str], folder: Path, output: Any) -> int:
    """Run a command to its end; pass Ctrl-C on to it, so that it saves what it has.

    The command inherits the lock of the cycles: where this process is killed alone, no other starts before it ends.
    """
    path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
    child = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": path},
        close_fds=False,
        start_new_session=True,  # Ctrl-C of a terminal reaches it once, from here
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.terminate()  # as Ctrl-C for a command, which may ignore that in the background
        try:
            child.wait(PATIENCE_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            child.kill()
            child.wait()
        raise


def remove(*paths: Path) -> None:
    """Remove files and folders that an unfinished step left."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file that a command wrote.

    Raises:
        StepFailed: it is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StepFailed(f"'{path.name}' cannot be read ({error})") from error


def find_train() -> Path:
    """Return train.py.

    Raises:
        InputError: cityzoo was installed without it.
    """
    if not (HOME / "train.py").is_file():
        raise InputError(
            f"'{HOME}' has no train.py: run updates from a clone of the repository, pip install -e ."
        )
    return HOME / "train.py"
