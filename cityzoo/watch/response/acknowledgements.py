"""Who has acknowledged which alarm, in a file to which several processes may append."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

from cityzoo.errors import InputError, escape_control
from cityzoo.security.audit import AuditLog
from cityzoo.security.refusal import Refused

FILE = "acknowledgements.jsonl"
ALARMS = "alarms.jsonl"
LONGEST = 120  # letters of an id or name


class Acknowledgements:
    """The acknowledgements of an out folder, as the lines of an audit log: each has the hash of the one before.

    Args:
        out: the out folder.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / FILE
        self._read_to = 0

    def append(self, alarm: str, name: str, way: str) -> None:
        """Write one.

        Args:
            alarm: id of the alarm, or of its incident.
            name: who acknowledges it.
            way: "command", "mqtt".

        Raises:
            InputError: an empty or too long name, or the file cannot be written.
        """
        for what, text in (("alarm", alarm), ("name", name)):
            if not text.strip() or len(text) > LONGEST or escape_control(text) != text:
                raise InputError(
                    f"{what} '{escape_control(text[:60])}': give 1 to {LONGEST} printable letters"
                )
        log = AuditLog(self.path, sync_seconds=0)
        try:
            log.append({"alarm": alarm, "by": name, "way": way})
        except Refused as error:
            raise InputError(f"'{self.path}' cannot be written: free space on its disk") from error
        finally:
            log.close()

    def read_new(self) -> list[tuple[str, str]]:
        """Return alarm and name of the lines since the last call; damaged ones are skipped."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                content = file.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read_to += len(whole)
        found = []
        for line in whole.decode("utf-8", "replace").splitlines():
            try:
                event = json.loads(line)["event"]
                found.append((str(event["alarm"]), str(event["by"])))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        return found


def acknowledge(out: Path, alarm: str, name: str, way: str = "command") -> str:
    """Acknowledge an alarm of a watch, running or not; return a line that says so.

    Args:
        out: its out folder.
        alarm: id of the alarm, or of its incident.
        name: who acknowledges it.
        way: "command", "mqtt".

    Raises:
        InputError: no such folder or alarm.
    """
    known: dict[str, None] = {}
    try:
        for line in (out / ALARMS).read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            known |= dict.fromkeys((str(event["id"]), str(event.get("incident") or event["id"])))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"'{out}' holds no {ALARMS}: give the out folder of a watch that raised alarms"
        ) from error
    if alarm not in known:
        hint = f"the last one is {[*known][-1]}" if known else "there are none"
        raise InputError(f"alarm '{escape_control(alarm[:60])}' is not in '{out / ALARMS}': {hint}")
    Acknowledgements(out).append(alarm, name, way)
    return f"{alarm}: acknowledged by {name} at {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
