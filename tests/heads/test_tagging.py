"""Tags of words: the best valid sequence against all sequences, the loss by hand."""

import itertools

import numpy as np
import pytest

from heads.tagging_decode import decode_tags, tag_names, viterbi


def is_valid(tags):
    """Whether inner tags (2, 4, ...) follow a tag of their type."""
    return all(
        tag % 2 or not tag or before in (tag, tag - 1) for before, tag in zip((0, *tags), tags, strict=False)
    )


@pytest.mark.parametrize("seed", range(6))
def test_viterbi_equals_the_best_of_all_valid_sequences(seed):
    scores = np.random.default_rng(seed).normal(size=(4, 5)) * 2
    valid = [tags for tags in itertools.product(range(5), repeat=4) if is_valid(tags)]
    best = max(valid, key=lambda tags: sum(scores[word, tag] for word, tag in enumerate(tags)))
    assert tuple(viterbi(scores)) == best
    greedy = [tuple(np.random.default_rng(s).normal(size=(4, 5)).argmax(1)) for s in range(50)]
    assert not all(map(is_valid, greedy))  # the constraint does something


def test_first_pieces_carry_the_tag():
    assert tag_names(("road",)) == ("O", "B-road", "I-road")
    logits = np.zeros((5, 3))
    logits[1, 1] = logits[3, 2] = 9  # tokens 0 and 4 start and end the text, 2 continues the word of 1
    logits[2, 0] = 99
    tags, shares = decode_tags(logits, (1, 3, -1))
    assert tags.tolist() == [1, 2, 0] and shares[2] == 0
    np.testing.assert_allclose(shares[:2], np.exp(9) / (np.exp(9) + 2))
    tags, shares = decode_tags(logits, ())
    assert len(tags) == len(shares) == 0


def test_loss_counts_each_word_once():
    import keras

    from heads.tagging import TaggingHead, TaggingLoss

    logits = np.log(np.array([[[0.5, 0.5], [0.8, 0.2], [0.1, 0.9]], [[0.6, 0.4], [0.5, 0.5], [0.5, 0.5]]]))
    tags = np.array([[-1.0, 0, 1, -1], [1, -1, -1, -1]])  # targets are as long as the longest text may be
    assert float(TaggingLoss()(tags, logits)) == pytest.approx(-np.log(0.8 * 0.9 * 0.4) / 3, rel=1e-5)
    assert float(TaggingLoss()(np.full((2, 4), -1.0), logits)) == 0
    inputs = {
        "tokens": keras.Input((None, 4), name="tokens"),
        "token_mask": keras.Input((None,), name="token_mask"),
    }
    model = keras.Model(inputs, TaggingHead(3)(inputs))
    values = {"tokens": np.ones((1, 2, 4)), "token_mask": np.array([[1.0, 0.0]])}
    assert np.asarray(model(values))[0, 1].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="num_tags=1"):
        TaggingHead(1)
