"""Matches by hand, and vectors that are stored."""

import numpy as np
import pytest

from cityzoo.answer.encoder import SentenceEncoder, open_encoder
from cityzoo.answer.index import SOFTNESS, WORDS_WEIGHT, PassageIndex, open_index
from cityzoo.answer.passages import Passage
from cityzoo.errors import InputError


@pytest.fixture
def encoder(encoder_folder):
    return SentenceEncoder(encoder_folder)


def test_vectors_do_not_depend_on_order_or_batch(encoder):
    texts = ["waste", "a permit for visitors please", "books", ""] * 20
    vectors = encoder(texts)
    assert vectors.shape == (80, 6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        vectors[:3], np.concatenate([encoder([text]) for text in texts[:3]]), atol=0.03
    )
    assert vectors[0, 0] > 0.99 and vectors[1, 1] == pytest.approx(vectors[1, 3])
    assert encoder([]).shape == (0, 6)


def test_meaning_finds_what_has_no_word_of_the_question(encoder, passages, tmp_path):
    index = open_index(passages, encoder, tmp_path)
    assert index.match("rubbish").passages[0].key == "bulky"
    assert index.match("books").passages[0].key == "library"
    words = open_index(passages, None, tmp_path)
    assert words.match("rubbish").features[0] == pytest.approx(SOFTNESS * np.log(1), abs=1e-6)
    assert words.match("library").passages[0].key == "library"


def test_features_by_hand(encoder):
    """One passage is the question itself, another shares one axis of two, one has nothing in common."""
    passages = [
        Passage("permit visitors", "a", key="a"),
        Passage("permit", "b", key="b"),
        Passage("books", "c", key="c"),
    ]
    vectors = encoder([each.answer for each in passages])
    found = PassageIndex(passages, encoder, vectors).match("permit visitors")
    shares = PassageIndex(passages).match("permit visitors").features
    first, second = 1 + WORDS_WEIGHT * shares[3], found.features[0] - found.features[1]
    assert [each.key for each in found.passages] == ["a", "b", "c"]
    assert found.features[0] == pytest.approx(first, abs=1e-4)
    assert second == pytest.approx(np.sqrt(0.5) + WORDS_WEIGHT * (shares[0] - shares[1]), abs=0.01)
    assert found.features[3] == pytest.approx(shares[0], abs=1e-6)


def test_passages_of_one_answer_count_together():
    texts = ["bus a", "bus b", "bus c"]
    twice = PassageIndex([Passage(text, text, key=key) for text, key in zip(texts, "xxy", strict=True)])
    found = twice.match("bus")
    assert [each.key for each in found.passages] == ["x", "y"]
    assert found.features[1] == pytest.approx(SOFTNESS * np.log(2), abs=1e-6)


def test_only_new_texts_are_encoded_again(encoder, passages, tmp_path):
    seen = []

    class Counting:
        digest = encoder.digest

        def __call__(self, texts, progress=None):
            seen.append(sorted(texts))
            return encoder(texts)

    first = open_index(passages, Counting(), tmp_path)
    assert len(seen.pop()) == 8
    again = open_index(passages, Counting(), tmp_path)
    assert seen == [] and again.digest == first.digest
    more = [*passages[:3], Passage("Always.", "z", question="waste?", key="z")]
    assert open_index(more, Counting(), tmp_path).digest != first.digest
    assert seen.pop() == ["Always.", "waste?"]
    (tmp_path / "vectors.npz").write_bytes(b"broken")
    open_index(passages, Counting(), tmp_path)
    assert len(seen.pop()) == 8


def test_encoders_that_cannot_be_used(encoder_folder, tmp_path, caplog):
    assert open_encoder("none") is None
    assert open_encoder(str(encoder_folder)).digest == SentenceEncoder(encoder_folder).digest
    with pytest.raises(InputError, match="minilm"):
        open_encoder("minilmm")
    (tmp_path / "model.onnx").write_bytes((encoder_folder / "model.onnx").read_bytes())
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        open_encoder(str(tmp_path))


def test_an_index_that_cannot_be_written_is_used_nevertheless(encoder, passages, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert open_index(passages, encoder, tmp_path / "file").match("rubbish").passages[0].key == "bulky"
    assert "cannot be kept" in caplog.text
