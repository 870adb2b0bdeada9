"""Key files with weak settings, and a changed audit log."""

import os
import time

from cityzoo.security.api_keys import add_key
from cityzoo.security.audit import AuditLog
from cityzoo.security.settings_checks import check_api_keys, check_audit_log


def test_weak_keys_are_found(tmp_path):
    """Readable by others, a year old without an end, and a key that may do all."""
    file, now = tmp_path / "keys.json", time.time()
    add_key(file, {"name": "cam", "roles": ["predict"]})
    add_key(file, {"name": "ops", "roles": ["manage"], "expires": now + 1e9})
    assert [finding.state for finding in check_api_keys(file)] == ["ok", "ok", "ok"]
    add_key(file, {"name": "all", "roles": ["manage", "predict"]})
    os.chmod(file, 0o644)
    found = {finding.check: finding for finding in check_api_keys(file, now + 366 * 86_400)}
    assert {name: each.state for name, each in found.items()} == {
        "key file": "failed",
        "old keys": "warning",
        "broad keys": "warning",
    }
    assert "cam" in found["old keys"].detail and "ops" not in found["old keys"].detail


def test_a_changed_audit_log_fails(tmp_path):
    """With its key."""
    log = AuditLog(tmp_path / "audit", key=b"k")
    log.append({"who": "anna"})
    assert check_audit_log(tmp_path / "audit", b"k").state == "ok"
    assert check_audit_log(tmp_path / "audit", None).state == "failed"
