"""Where encryption keys come from."""

import pytest

from cityzoo.errors import InputError
from cityzoo.security.encryption_keys import add_encryption_key, key_id, read_encryption_keys


def test_new_keys_come_first_and_old_ones_stay(tmp_path):
    """For what has not been rotated yet."""
    file = tmp_path / "keys"
    ids = [add_encryption_key(file), add_encryption_key(file)]
    keys = read_encryption_keys(str(file))
    assert [key_id(key) for key in keys.keys] == ids[::-1] and keys.current == keys.keys[0]
    assert keys.find(ids[0]) == keys.keys[1] and keys.find("other") is None
    assert file.stat().st_mode & 0o077 == 0


def test_the_environment_gives_the_key_or_its_file(tmp_path, monkeypatch):
    """As containers do."""
    add_encryption_key(tmp_path / "keys")
    for value in (str(tmp_path / "keys"), (tmp_path / "keys").read_text()):
        monkeypatch.setenv("CITYZOO_KEY", value)
        assert read_encryption_keys() == read_encryption_keys(str(tmp_path / "keys"))


@pytest.mark.parametrize("text", ["", "secret", "ab" * 16, "zz" * 32, "ab" * 32 + "\ncd"])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path, monkeypatch, text):
    """A secret must not end up in a log."""
    (tmp_path / "keys").write_text(text)
    for source in (str(tmp_path / "keys"), None):
        monkeypatch.setenv("CITYZOO_KEY", text)
        with pytest.raises(InputError, match="no encryption key") as caught:
            read_encryption_keys(source)
        assert not text or text not in str(caught.value)
