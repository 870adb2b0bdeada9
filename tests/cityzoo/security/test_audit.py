"""The audit log: whole while the machine fails, and no change goes unnoticed."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest

from cityzoo.errors import InputError
from cityzoo.security.audit import AuditLog
from cityzoo.security.audit_lines import last_hash, verify_audit


@pytest.fixture
def log(tmp_path):
    """Five events in a file."""
    file = tmp_path / "audit.jsonl"
    audit = AuditLog(file)
    for number in range(5):
        audit.append({"caller": "cam7", "action": "predict", "request": f"r{number}"})
    audit.close()
    return file


def test_lines_hold_number_time_event_and_both_hashes(log):
    """And only the owner reads the file."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[2]["previous"] == rows[1]["hash"] and rows[0]["previous"] == "0" * 64
    assert rows[3]["event"] == {"caller": "cam7", "action": "predict", "request": "r3"}
    assert log.stat().st_mode & 0o077 == 0
    assert verify_audit(log) == [] and last_hash(log) == (5, rows[-1]["hash"])


def change(lines):
    lines[2] = lines[2].replace("cam7", "cam8")


def change_hash_too(lines):
    """By somebody who knows how lines are hashed: the next one does not follow."""
    import hashlib

    body = lines[2].replace("cam7", "cam8").rpartition(',"hash"')[0] + "}"
    lines[2] = f'{body[:-1]},"hash":"{hashlib.sha256(body.encode()).hexdigest()}"}}'


@pytest.mark.parametrize(
    "tamper, line, problem",
    [
        (change, 3, "was changed"),
        (change_hash_too, 4, "does not follow"),
        (lambda lines: lines.pop(1), 2, "does not follow"),
        (lambda lines: lines.pop(0), 1, "does not follow"),
        (lambda lines: lines.insert(1, lines[3]), 2, "does not follow"),
        (lambda lines: lines.insert(3, '{"n": 9}'), 4, "not a line of an audit log"),
        (lambda lines: lines.__setitem__(4, lines[4][:50]), 5, "not a line of an audit log"),
        (lambda lines: lines.reverse(), 1, "does not follow"),
    ],
)
def test_every_change_is_found_with_its_line(log, tamper, line, problem):
    """Changed, removed, added, moved, cut."""
    lines = log.read_text().splitlines()
    tamper(lines)
    log.write_text("\n".join(lines) + "\n")
    found = verify_audit(log)
    assert found[0].startswith(f"audit.jsonl line {line}: ") and problem in found[0]


def test_a_log_cut_at_its_end_is_found_by_a_hash_kept_elsewhere(log):
    """Nothing inside the file can tell."""
    _, last = last_hash(log)
    log.write_text("\n".join(log.read_text().splitlines()[:3]) + "\n")
    assert verify_audit(log) == []
    assert "the end was cut off" in verify_audit(log, contains=last)[0]


def test_with_a_key_nobody_else_can_compute_the_chain_again(tmp_path):
    """HMAC."""
    audit = AuditLog(tmp_path / "a", key=b"secret")
    audit.append({"a": 1})
    assert verify_audit(tmp_path / "a", key=b"secret") == []
    assert "another key" in verify_audit(tmp_path / "a")[0]


def test_a_line_torn_by_a_power_failure_is_removed_and_recorded(log):
    """The next start."""
    with log.open("a") as file:
        file.write('{"n":6,"time":"2026')
    AuditLog(log).append({"a": 1})
    assert verify_audit(log) == []
    rows = [json.loads(line)["event"] for line in log.read_text().splitlines()[5:]]
    assert rows == [{"recovered": "19 bytes of a line that was not finished were removed"}, {"a": 1}]


def test_a_moved_file_is_followed_by_a_new_one(tmp_path):
    """logrotate: both verify together, and not in the wrong order."""
    file, old = tmp_path / "audit", tmp_path / "audit.1"
    audit = AuditLog(file)
    audit.append({"a": 1})
    file.rename(old)
    audit.append({"a": 2})
    assert verify_audit(old, file) == [] and len(file.read_text().splitlines()) == 1
    assert verify_audit(file, old) != [] and verify_audit(file) != []
    assert verify_audit(file, after=last_hash(old)[1]) == []


def write(file, count):
    """In a process of its own."""
    audit = AuditLog(file)
    for number in range(count):
        audit.append({"pid": os.getpid(), "i": number})


def test_threads_and_processes_share_one_chain(tmp_path):
    """Three processes and three threads of this one."""
    file = tmp_path / "audit"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write, args=(file, 50)) for _ in range(3)]
    _ = [process.start() for process in processes]
    audit = AuditLog(file)
    threads = [threading.Thread(target=lambda: [audit.append({"t": i}) for i in range(50)]) for _ in range(3)]
    _ = [thread.start() for thread in threads], [thread.join() for thread in threads]
    _ = [process.join() for process in processes]
    assert verify_audit(file) == [] and last_hash(file)[0] == 300


def test_a_full_disk_refuses_with_503_and_leaves_whole_lines(tmp_path):
    """A limit of the file's size stands for it; afterwards the log goes on."""
    script = f"""
import resource, signal
from pathlib import Path
from cityzoo.security.audit import AuditLog
from cityzoo.security.refusal import Refused
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
audit = AuditLog(Path({str(tmp_path / "audit")!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
refused = 0
for number in range(20):
    try:
        audit.append({{"a": number}})
    except Refused as error:
        refused += error.status == 503
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
audit.append({{"a": "room again"}})
print(refused)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 10
    assert verify_audit(tmp_path / "audit") == []
    assert "room again" in (tmp_path / "audit").read_text()


def test_texts_are_masked_and_strange_values_recorded(tmp_path):
    """Nested ones too; control characters cannot forge a line."""
    audit = AuditLog(tmp_path / "audit", mask=lambda text: text.replace("Anna", "***"))
    audit.append({"who": "Anna\n{}", "list": ["Anna", 3, None], "path": tmp_path, "nan": float("nan")})
    audit.append({"long": "x" * 200_000})
    audit.append({"a": "\udcff\u2028"})
    assert "Anna" not in (tmp_path / "audit").read_text()
    assert verify_audit(tmp_path / "audit") == [] and last_hash(tmp_path / "audit")[0] == 3


def test_files_that_are_no_audit_log_are_one_line(tmp_path):
    """Of another kind, a folder, missing."""
    (tmp_path / "other").write_text("hello\n")
    with pytest.raises(InputError, match="is not a line of an audit log"):
        AuditLog(tmp_path / "other")
    assert (tmp_path / "other").read_text() == "hello\n"
    with pytest.raises(InputError, match="cannot be written"):
        AuditLog(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        verify_audit(tmp_path / "missing")
