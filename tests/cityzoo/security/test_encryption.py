"""Encrypted files: the content comes back, and no change goes unnoticed."""

import os
import secrets

import pytest

from cityzoo.errors import InputError
from cityzoo.security import encryption
from cityzoo.security.encryption import decrypt_file, encrypt_file, is_encrypted, open_encrypted, rewrap_file
from cityzoo.security.encryption_keys import EncryptionKeys

pytest.importorskip("cryptography")
KEYS = EncryptionKeys((bytes(range(32)),))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that small files have several."""
    monkeypatch.setattr(encryption, "CHUNK", 1000)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 5500])
def test_the_content_comes_back_and_is_not_visible(tmp_path, size):
    """At all borders of chunks."""
    plain, file = tmp_path / "a.bin", tmp_path / "a.bin.enc"
    content = (b"plate 123 " * 1000)[:size]
    plain.write_bytes(content)
    encrypt_file(plain, file, KEYS)
    assert is_encrypted(file) and not is_encrypted(plain) and b"plate" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    decrypt_file(file, tmp_path / "b", KEYS)
    assert (tmp_path / "b").read_bytes() == content
    encrypt_file(plain, tmp_path / "twice.enc", KEYS)
    assert (tmp_path / "twice.enc").read_bytes()[-50:] != file.read_bytes()[-50:], "a key for each file"


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def cut(data, chunks):
    """Remove whole chunks at the end."""
    return data[: len(data) - chunks * 1016 + (1016 - 516) - (1016 - 516)]


@pytest.mark.parametrize("place", ["magic", "key", "wrapped", "name", "first", "middle", "tag"])
def test_a_flipped_bit_anywhere_is_found_and_nothing_is_written(tmp_path, place):
    """In the headers, a chunk, the last tag."""
    (tmp_path / "a").write_bytes(b"x" * 3500)
    file = tmp_path / "a.enc"
    encrypt_file(tmp_path / "a", file, KEYS)
    data = file.read_bytes()
    body = len(data) - (3 * 1016 + 516)
    at = {"magic": 3, "key": data.index(b'"key": "') + 9, "wrapped": data.index(b"wrapped") + 20}
    at |= {"name": data.index(b'"id"') + 8, "first": body + 5, "middle": body + 1500, "tag": len(data) - 1}
    file.write_bytes(flip(data, at[place]))
    with pytest.raises(InputError, match="changed|damaged|was encrypted with key"):
        decrypt_file(file, tmp_path / "out", KEYS)
    assert not (tmp_path / "out").exists() and list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("edit", ["last chunk off", "swapped", "repeated", "more", "half", "no body"])
def test_chunks_cannot_be_removed_moved_or_added(tmp_path, edit):
    """Each change of their order, the cut at a border too."""
    (tmp_path / "a").write_bytes(secrets.token_bytes(3500))
    file = tmp_path / "a.enc"
    encrypt_file(tmp_path / "a", file, KEYS)
    data = file.read_bytes()
    body = len(data) - (3 * 1016 + 516)
    head, chunks = data[:body], [data[body + i * 1016 : body + (i + 1) * 1016] for i in range(4)]
    changed = {
        "last chunk off": chunks[:3],
        "swapped": [chunks[1], chunks[0], *chunks[2:]],
        "repeated": [chunks[0], *chunks],
        "more": [*chunks, b"x"],
        "half": [*chunks[:3], chunks[3][:100]],
        "no body": [],
    }[edit]
    file.write_bytes(head + b"".join(changed))
    with pytest.raises(InputError, match="was changed or cut off"):
        decrypt_file(file, tmp_path / "out", KEYS)


def test_a_file_in_anothers_place_is_refused(tmp_path):
    """The name is bound to the content."""
    (tmp_path / "yes").write_bytes(b"1")
    encrypt_file(tmp_path / "yes", tmp_path / "no.enc", KEYS)
    with pytest.raises(InputError, match="was encrypted as 'yes.enc'"):
        decrypt_file(tmp_path / "no.enc", tmp_path / "out", KEYS)


def test_the_wrong_key_is_named_and_rotation_needs_no_new_encryption(tmp_path):
    """Old key, both, new key; the chunks stay the same bytes."""
    new = EncryptionKeys((bytes(32),))
    both = EncryptionKeys((*new.keys, *KEYS.keys))
    (tmp_path / "a").write_bytes(b"x" * 2500)
    file = tmp_path / "a.enc"
    encrypt_file(tmp_path / "a", file, KEYS)
    before = file.read_bytes()
    with pytest.raises(
        InputError, match=f"was encrypted with key '{KEYS.ids}', the given ones are {new.ids}"
    ):
        decrypt_file(file, tmp_path / "out", new)
    assert [rewrap_file(file, both), rewrap_file(file, both)] == [True, False]
    decrypt_file(file, tmp_path / "out", new)
    assert (tmp_path / "out").read_bytes() == b"x" * 2500
    assert file.read_bytes()[-2000:] == before[-2000:]
    with pytest.raises(InputError, match="was encrypted with key"):
        decrypt_file(file, tmp_path / "out2", KEYS)


def test_evidence_is_written_and_read_in_memory(tmp_path):
    """An error while writing leaves nothing, a damaged file is one line."""
    file = tmp_path / "image.jpg.enc"
    with open_encrypted(file, "wb", KEYS) as out:
        out.write(b"JPEG" * 1000)
    with open_encrypted(file, "rb", KEYS) as content:
        assert content.read() == b"JPEG" * 1000
    with pytest.raises(ZeroDivisionError), open_encrypted(tmp_path / "b.enc", "wb", KEYS):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["image.jpg.enc"]
    file.write_bytes(b"JPEG")
    with pytest.raises(InputError, match="was not encrypted by cityzoo"), open_encrypted(file, "rb", KEYS):
        pass
