"""Read new data as a run does and count what can be used: a step of python -m cityzoo update."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli, tasks
from cityzoo.replace_file import replace_file

PROG = "python -m cityzoo.commands.update_check"


def main(arguments: Sequence[str]) -> int:
    """Write a JSON file with `examples`, their number, and `unit`, what they are; return 0."""
    parser = cli.Parser(prog=PROG, description=__doc__, allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("data", metavar="DATA", help="new data")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="JSON file")
    parser.add_argument("--unlabeled", action="store_true", help="ignore labels")
    parser.add_argument("flags", nargs="*", metavar="-- FLAG", help="of train.py --continue")
    given = parser.parse_args(arguments)
    from cityzoo.commands.train_flags import parse_training
    from cityzoo.fit.run_folder import open_run

    modality = tasks.find(open_run(given.run)[1].run.task).modality
    if given.unlabeled:
        count = len(modality.read_unlabelled(given.data, {"bad_boxes": "drop", "limit": None}))
    else:
        command = parse_training(["--continue", given.run, "--data", given.data, *given.flags])
        spec = command.spec if command else open_run(given.run)[1]
        found = modality.read(spec, tasks.find(spec.run.task))
        count = len(found.train) + len(found.val)
    with replace_file(given.out) as part:
        part.write_text(json.dumps({"examples": count, "unit": modality.unit}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run(main, sys.argv[1:], PROG))
