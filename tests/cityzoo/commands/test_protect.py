"""The commands of protect, from keys to a verified and encrypted folder."""

import json
import subprocess
import sys

import pytest

from cityzoo.commands.protect import main
from cityzoo.errors import InputError

pytest.importorskip("jwt")


def run(*words):
    """One command."""
    return main([str(word) for word in words])


def test_keys_signatures_and_encryption_fit_together(tmp_path, capsys, monkeypatch):
    """As an operator uses them, with a password on the private key."""
    monkeypatch.setenv("CITYZOO_KEY_PASSWORD", "correct horse")
    folder, keys = tmp_path / "model", tmp_path / "keys"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"weights")
    run("new-key", "--out", keys / "sign.pem")
    run("sign", folder, "--private-key", keys / "sign.pem")
    run("verify", folder, "--public-key", keys / "sign.pub.pem")
    assert "no file was changed" in capsys.readouterr().out
    monkeypatch.setenv("CITYZOO_KEY_PASSWORD", "wrong")
    with pytest.raises(InputError, match="a password is taken from CITYZOO_KEY_PASSWORD"):
        run("sign", folder, "--private-key", keys / "sign.pem")
    run("new-key", "--kind", "encryption", "--out", keys / "rest.key")
    run("encrypt", folder, "--key", keys / "rest.key")
    run("new-key", "--kind", "encryption", "--out", keys / "rest.key")
    run("rotate", folder, "--key", keys / "rest.key")
    run("decrypt", folder, "--key", keys / "rest.key")
    run("verify", folder, "--public-key", keys / "sign.pub.pem")
    out = capsys.readouterr().out
    assert all(f"{action}: 2 files" in out for action in ("encrypt", "rotate", "decrypt"))
    with pytest.raises(InputError, match="exists: give a new --out"):
        run("new-key", "--out", keys / "sign.pem")


def test_api_keys_are_added_listed_and_revoked(tmp_path, capsys):
    """The key is printed once; the file and the list do not have it."""
    file = tmp_path / "api.json"
    run(
        "key",
        "add",
        "--keys",
        file,
        "--name",
        "cam7",
        "--roles",
        "predict,read",
        "--requests-per-second",
        "2",
    )
    key = capsys.readouterr().out.strip()
    number = key.split("_")[1]
    run("key", "list", "--keys", file)
    listed = capsys.readouterr().out
    assert (
        number in listed
        and "predict,read" in listed
        and key.split("_", 2)[2] not in listed + file.read_text()
    )
    assert json.loads(file.read_text())["keys"][0]["requests_per_second"] == 2
    run("key", "revoke", number, "--keys", file)
    with pytest.raises(InputError, match="no key"):
        run("key", "revoke", number, "--keys", file)


def test_offline_tokens_pass_the_server_s_check(tmp_path, capsys):
    """With the JWKS file that new-key wrote."""
    from cityzoo.security.access import Access
    from cityzoo.security.settings import SecuritySettings

    run("new-key", "--kind", "tokens", "--out", tmp_path / "tokens.pem")
    capsys.readouterr()
    words = ("--name", "ops", "--roles", "manage", "--issuer", "city", "--models", "vehicle*")
    run("token", "--private-key", tmp_path / "tokens.pem", *words)
    token = capsys.readouterr().out.strip()
    access = Access.from_settings(SecuritySettings(jwks=str(tmp_path / "tokens.jwks.json"), issuer="city"))
    caller = access.identify({"authorization": f"Bearer {token}"})
    assert (caller.name, caller.models) == ("token:ops", ("vehicle*",))


def test_a_changed_audit_log_ends_with_code_1(tmp_path, capsys):
    """And an unchanged one prints the hash to note."""
    from cityzoo.security.audit import AuditLog
    from cityzoo.security.audit_lines import last_hash

    file = tmp_path / "audit.jsonl"
    log = AuditLog(file)
    _ = log.append({"who": "anna"}), log.append({"who": "ben"})
    last = last_hash(file)[1]
    assert run("verify-audit", file) == 0 and last in capsys.readouterr().out
    assert run("verify-audit", file, "--contains", last) == 0
    file.write_text(file.read_text().replace("anna", "anne"))
    assert run("verify-audit", file) == 1
    assert "FAILED: audit.jsonl line 1: was changed" in capsys.readouterr().out


def test_wrong_input_is_one_line_without_a_traceback(tmp_path):
    """In a process of its own, with exit code 2."""
    words = ["protect", "verify", str(tmp_path), "--public-key", str(tmp_path / "missing.pem")]
    ran = subprocess.run(
        [sys.executable, "-m", "cityzoo", *words], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1 and "is not a public key" in ran.stderr


def test_run_gives_a_command_an_encrypted_home(tmp_path):
    """What stands behind -- is the command's; its exit code is returned."""
    run("new-key", "--kind", "encryption", "--out", tmp_path / "key")
    script = "import os, sys; open(os.environ['CITYZOO_HOME'] + '/a', 'w').write(sys.argv[1]); sys.exit(4)"
    home = tmp_path / "home"
    assert run("run", home, "--key", tmp_path / "key", "--", sys.executable, "-c", script, "--key") == 4
    assert [path.name for path in home.iterdir()] == ["a.enc"]
    with pytest.raises(InputError, match="give a command after --"):
        run("run", home, "--key", tmp_path / "key")
