"""What the safety check found, and the page that it prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cityzoo.errors import escape_control, shorten

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
UNCHECKED = (
    "vulnerabilities published after this release's list (run pip-audit where there is a network)",
    "the operating system, its packages and its firewall",
    "who holds the private keys",
    "what the model learned: poisoned or biased training data",
)


@dataclass(frozen=True)
class Finding:
    """One line of the page.

    Attributes:
        check: its name.
        state: ok, warning, failed, or skipped for what could not be checked.
        detail: what was found, and what to do.
    """

    check: str
    state: str
    detail: str


def summarize(check: str, problems: Sequence[str], good: str, state: str = FAILED) -> Finding:
    """Return one finding of a list of problems: the first ones, and how many there are.

    Example:
        >>> summarize("links", ["a", "b", "c", "d"], "none")
        Finding(check='links', state='failed', detail='a; b; c; and 1 more')
    """
    if not problems:
        return Finding(check, OK, good)
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Finding(check, state, "; ".join(problems[:3]) + more)


def count_failed(findings: Sequence[Finding]) -> int:
    """Return how many checks failed."""
    return sum(finding.state == FAILED for finding in findings)


def format_page(target: str, findings: Sequence[Finding]) -> str:
    """Return the page for people."""
    width = max((len(finding.check) for finding in findings), default=0)
    lines = [f"Safety check of {target}", ""]
    for each in findings:
        state = each.state.upper() if each.state == FAILED else each.state
        lines.append(f"  {state:<8} {each.check:<{width}}  {shorten(escape_control(each.detail), 400)}")
    warnings = sum(finding.state == WARNING for finding in findings)
    lines += ["", f"{count_failed(findings)} failed, {warnings} warnings", "", "Not checked:"]
    return "\n".join([*lines, *(f"  - {each}" for each in UNCHECKED), ""])


def format_json(target: str, findings: Sequence[Finding]) -> str:
    """Return the same for programs."""
    rows = [asdict(finding) for finding in findings]
    document = {"target": target, "failed": count_failed(findings), "findings": rows, "unchecked": UNCHECKED}
    return json.dumps(document, indent=1) + "\n"
