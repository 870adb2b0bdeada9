"""Hook of mkdocs: a page with the help of every command, as the commands themselves print it."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/reference/commands.md"
TASKS = (
    "vehicle_detect",
    "traffic_flow",
    "text_intent",
    "sound_classify",
    "incident_fusion",
    "congestion_fusion",
)  # one per modality


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=write_page()))
    return files


def write_page() -> str:
    """Return the page."""
    sys.path.insert(0, str(ROOT))
    import evaluate
    import train
    from cityzoo import __main__ as verbs

    os.environ["COLUMNS"] = "82"
    parts = [
        "# Commands",
        "What `--help` prints. Flags of `train.py` depend on the task: here one of each modality.",
    ]
    for name in TASKS:
        parts.append(f"## train.py --task {name}\n\n{read_help(train.main, ['--task', name])}")
    parts.append(f"## evaluate.py\n\n{read_help(evaluate.main, [])}")
    parts += [f"## python -m cityzoo {name}\n\n{read_help(verbs.main, [name])}" for name in verbs.names()]
    return "\n\n".join(parts) + "\n"


def read_help(main: Callable[[Sequence[str]], int], words: Sequence[str]) -> str:
    """Return what a command prints if asked for help, as a block of code."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return f"```text\n{printed.getvalue().strip()}\n```"
