"""The demo's public face: what others may import of it."""

import re
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[3] / "cityzoo"
INSIDE = re.compile(
    r"^( *)(?:from|import) cityzoo\.demo(?:\.(\w+)| import (?:scenes|sensors|texts|sounds))", re.MULTILINE
)


def test_only_the_demos_of_tasks_import_its_scenes_and_sensors():
    """And the command its videos; both do so in functions, so that nothing is loaded before it is rendered."""
    found = {
        str(file.relative_to(LIBRARY)): match.groups()
        for file in LIBRARY.rglob("*.py")
        if LIBRARY / "demo" not in file.parents
        for match in INSIDE.finditer(file.read_text("utf-8"))
    }
    typos = "modalities/text/corruptions.py"  # of demo texts and of --robustness are the same
    assert {name for name in found if not name.startswith("tasks/")} == {
        "commands/answer.py",
        "commands/demo.py",
        typos,
    }
    for name, (indent, part) in found.items():
        of_tasks = ("scenes", "sensors", "texts", "sounds", "incidents")
        assert indent and part in (of_tasks if name.startswith("tasks/") else ("videos", "texts", "sounds"))
    assert len(found) >= 8
