"""Encrypted folders, and plain copies that live only while a model is loaded."""

import pytest

from cityzoo.errors import InputError
from cityzoo.security import encrypted_folder
from cityzoo.security.encrypted_folder import (
    decrypt_folder,
    decrypt_temporarily,
    encrypt_folder,
    has_encrypted,
    open_protected,
    require_plain,
    rotate_folder,
)
from cityzoo.security.encryption_keys import EncryptionKeys
from cityzoo.security.signing import SIGNATURE, sign_folder

pytest.importorskip("cryptography")
KEYS = EncryptionKeys((bytes(32),))
FILES = {"model.onnx": b"weights", "sub/data.bin": b"x" * 3000, "sub/empty": b"", ".hidden": b"h"}


def content(folder):
    """All files by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """A plain one."""
    made = tmp_path / "run"
    for name, data in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(data)
    return made


def test_a_folder_is_encrypted_in_place_and_comes_back(folder):
    """Encrypting what is encrypted changes nothing."""
    assert encrypt_folder(folder, KEYS) == 4
    encrypted = content(folder)
    assert set(encrypted) == {f"{name}.enc" for name in FILES} and has_encrypted(folder)
    assert encrypt_folder(folder, KEYS) == 0 and content(folder) == encrypted
    assert decrypt_folder(folder, KEYS) == 4 and content(folder) == FILES


def test_an_interrupted_encryption_is_continued(folder, monkeypatch):
    """A disk that is full at the third file."""
    real, calls = encrypted_folder.encrypt_file, []

    def fail_at_the_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(encrypted_folder, "encrypt_file", fail_at_the_third)
    with pytest.raises(OSError, match="No space"):
        encrypt_folder(folder, KEYS)
    assert encrypt_folder(folder, KEYS) == 2
    decrypt_folder(folder, KEYS)
    assert content(folder) == FILES


def test_a_model_is_loaded_from_memory_and_nothing_stays(folder):
    """Also after an error; a plain folder is lent itself."""
    with decrypt_temporarily(folder, KEYS) as lent:
        assert lent == folder
    encrypt_folder(folder, KEYS)
    with pytest.raises(ZeroDivisionError), decrypt_temporarily(folder, KEYS) as lent:
        assert content(lent) == FILES and lent.parent.stat().st_mode & 0o077 == 0
        raise ZeroDivisionError
    assert not lent.exists() and set(content(folder)) == {f"{name}.enc" for name in FILES}


def test_files_cannot_change_places(folder):
    """Two encrypted files swapped."""
    encrypt_folder(folder, KEYS)
    (folder / "model.onnx.enc").rename(folder / "sub/x.enc")
    with pytest.raises(InputError, match="was encrypted as 'model.onnx.enc'"):
        decrypt_folder(folder, KEYS)


def test_keys_rotate(folder):
    """Then the old one is not needed."""
    encrypt_folder(folder, KEYS)
    new = EncryptionKeys((b"n" * 32, *KEYS.keys))
    assert [rotate_folder(folder, new), rotate_folder(folder, new)] == [4, 0]
    decrypt_folder(folder, EncryptionKeys(new.keys[:1]))
    assert content(folder) == FILES


def test_encrypted_runs_are_refused_with_the_command_that_decrypts_them(folder):
    """Plain ones are not, and links are never followed."""
    require_plain(folder)
    encrypt_folder(folder, KEYS)
    with pytest.raises(InputError, match="protect decrypt"):
        require_plain(folder)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        encrypt_folder(folder, KEYS)
    with pytest.raises(InputError, match="is not a folder"):
        encrypt_folder(folder / "missing", KEYS)


def test_a_served_model_is_verified_and_decrypted(folder, tmp_path, signer_file, public_file):
    """Signed before it was encrypted, or after; a changed one is refused either way."""
    keys = tmp_path / "keys"
    keys.write_text(KEYS.current.hex())
    sign_folder(folder, signer_file)
    with open_protected(folder, None, None) as lent:
        assert lent == folder
    with open_protected(folder, str(public_file), None) as lent:
        (folder / "model.onnx").write_bytes(b"exchanged after the check")
        assert lent != folder and content(lent)["model.onnx"] == FILES["model.onnx"]
    refused = pytest.raises(InputError, match="'model.onnx' was changed")
    with refused as caught, open_protected(folder, str(public_file), None):
        pass
    assert f"'{folder}'" in str(caught.value), "not the copy's place"
    (folder / "model.onnx").write_bytes(FILES["model.onnx"])
    encrypt_folder(folder, KEYS)
    with open_protected(folder, str(public_file), str(keys)) as lent:
        assert content(lent).keys() == {*FILES, SIGNATURE} and lent.name == folder.name
    sign_folder(folder, signer_file)  # the encrypted files
    with open_protected(folder, str(public_file), str(keys)) as lent:
        assert content(lent)["model.onnx"] == FILES["model.onnx"]
    (folder / "model.onnx.enc").write_bytes(b"")
    with (
        pytest.raises(InputError, match=r"'model.onnx.enc' was changed"),
        open_protected(folder, str(public_file), str(keys)),
    ):
        pass


def test_what_a_killed_process_left_is_removed(folder):
    """A half-written file is neither encrypted nor decrypted."""
    (folder / "sub" / ".999999999.data.bin.enc").write_bytes(b"cityzoo-encrypted-1\n")
    assert encrypt_folder(folder, KEYS) == 4 and decrypt_folder(folder, KEYS) == 4
    assert content(folder) == FILES


def test_secrets_never_fall_back_to_the_disk(folder, tmp_path, monkeypatch, signer_file, public_file):
    """Memory too small: an encrypted model is refused, a plain one that is only verified is copied elsewhere."""
    sign_folder(folder, signer_file)
    monkeypatch.setattr(encrypted_folder, "MEMORY", tmp_path)
    monkeypatch.setattr(encrypted_folder.shutil, "disk_usage", lambda path: type("Free", (), {"free": 10}))
    with open_protected(folder, str(public_file), None) as lent:
        assert tmp_path not in lent.parents
    encrypt_folder(folder, KEYS)
    with pytest.raises(InputError, match="do not fit into"), decrypt_temporarily(folder, KEYS):
        pass
