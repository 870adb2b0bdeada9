"""A command that works in memory while the disk holds encrypted files."""

import sys
from pathlib import Path

import pytest

from cityzoo.errors import InputError
from cityzoo.security import encrypted_home
from cityzoo.security.encrypted_folder import decrypt_folder
from cityzoo.security.encrypted_home import run_decrypted
from cityzoo.security.encryption_keys import EncryptionKeys

pytest.importorskip("cryptography")
KEYS = EncryptionKeys((bytes(32),))


def run(home, script):
    """Run Python in it."""
    start = "import os, pathlib, sys; home = pathlib.Path(os.environ['CITYZOO_HOME']);"
    return run_decrypted(home, KEYS, [sys.executable, "-c", start + script])


def test_what_a_command_makes_changes_and_removes_is_encrypted(tmp_path):
    """New, changed, unchanged and removed files; the exit code is the command's, and nothing plain stays."""
    home, place = tmp_path / "home", tmp_path / "place"
    made = "[(home / n).write_text('plate') for n in 'abc']; (home / 'd').mkdir(); (home / 'd/e').write_text('x');"
    assert run(home, made + f"pathlib.Path({str(place)!r}).write_text(str(home))") == 0
    assert sorted(path.name for path in home.rglob("*.enc")) == ["a.enc", "b.enc", "c.enc", "e.enc"]
    assert not Path(place.read_text()).exists()
    assert all(b"plate" not in path.read_bytes() for path in home.rglob("*") if path.is_file())
    kept = (home / "a.enc").read_bytes()
    assert run(home, "(home / 'b').write_text('other'); (home / 'c').unlink(); sys.exit(3)") == 3
    assert (home / "a.enc").read_bytes() == kept
    decrypt_folder(home, KEYS, tmp_path / "plain")
    content = {path.name: path.read_text() for path in (tmp_path / "plain").rglob("*") if path.is_file()}
    assert content == {"a": "plate", "b": "other", "e": "x"}


def test_what_a_command_made_before_a_signal_is_encrypted(tmp_path):
    """Its exit code is 128 and the signal's number."""
    script = "(home / 'a').write_text('x'); import signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run(tmp_path, script) == 143
    assert [path.name for path in tmp_path.iterdir()] == ["a.enc"]


def test_plain_files_of_a_home_are_encrypted_too(tmp_path):
    """The first time."""
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "old").write_text("plate")
    assert run(tmp_path, "assert (home / 'features/old').read_text() == 'plate'") == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old.enc"]


def test_what_cannot_be_run_is_one_line(tmp_path, monkeypatch):
    """No such program, no memory."""
    with pytest.raises(InputError, match="cannot be run"):
        run_decrypted(tmp_path, KEYS, ["no-such-program"])
    (tmp_path / "file").write_bytes(b"x" * 100)
    monkeypatch.setattr(encrypted_home.shutil, "disk_usage", lambda path: type("Free", (), {"free": 150}))
    with pytest.raises(InputError, match="it takes twice as much"):
        run(tmp_path, "")
