"""Checkpoints come back as they were, or say that they are damaged."""

import json

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fit.checkpoint import load_checkpoint, save_checkpoint

STATE = {"phase": 1, "epoch": 3, "best": 0.25, "history": [{"epoch": 1, "loss": 2.5}]}


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    """Groups in their order also beyond ten and a hundred arrays, types and shapes kept, state as it was."""
    path = tmp_path / "checkpoint.npz"
    arrays = {
        "model": [np.full((i % 3 + 1,), i, np.float32) for i in range(120)],
        "best": [np.ones((2, 3), np.float16)],
        "optimizer": [np.array(7, np.int64)],
    }
    save_checkpoint(path, arrays, STATE)
    back, state = load_checkpoint(path)
    assert state == STATE
    for group, members in arrays.items():
        assert len(back[group]) == len(members)
        for old, new in zip(members, back[group], strict=True):
            assert old.dtype == new.dtype and old.shape == new.shape and (old == new).all()
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path, monkeypatch):
    """The disk fills up while it is written."""
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, {"model": [np.zeros(3)]}, STATE)

    def half(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError):
        save_checkpoint(path, {"model": [np.ones(3)]}, STATE)
    assert load_checkpoint(path)[0]["model"][0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04half"])
def test_a_damaged_checkpoint_is_said_in_one_line(tmp_path, content):
    """And what is left to do."""
    (tmp_path / "checkpoint.npz").write_bytes(content)
    with pytest.raises(InputError, match="is damaged.*train again") as caught:
        load_checkpoint(tmp_path / "checkpoint.npz")
    assert "\n" not in str(caught.value)


def test_a_checkpoint_cut_short_is_said_in_one_line(tmp_path):
    """The first half of a real one."""
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, {"model": [np.arange(1000.0)]}, STATE)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputError, match="is damaged"):
        load_checkpoint(path)


def test_what_the_best_epoch_shares_with_this_one_is_written_once(tmp_path):
    """A frozen half: the file grows by the other half alone, and both come back."""
    rng = np.random.default_rng(0)
    frozen, learnt, earlier = rng.normal(size=(3, 5000)).astype(np.float32)
    sizes = []
    for best in ([frozen, learnt], [frozen, earlier], [earlier, earlier + 1]):
        path = tmp_path / f"{len(sizes)}.npz"
        save_checkpoint(path, {"model": [frozen, learnt], "best": best}, STATE)
        back, _ = load_checkpoint(path)
        for old, new in zip([frozen, learnt, *best], [*back["model"], *back["best"]], strict=True):
            np.testing.assert_array_equal(old, new)
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] == pytest.approx(20_000, rel=0.05)
    assert sizes[2] - sizes[1] == pytest.approx(20_000, rel=0.05)


def test_any_damaged_byte_is_said_in_one_line_or_harmless(tmp_path):
    """Of each seventh byte, among them those of zip headers, of a compressed member and of array headers."""
    path = tmp_path / "checkpoint.npz"
    np.savez_compressed(path, state=json.dumps(STATE), again="[]", **{"model.00000": np.arange(9.0)})
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x5A]) + content[place + 1 :])
        try:
            load_checkpoint(path)
        except InputError as error:
            assert "is damaged" in str(error) and "\n" not in str(error)
