"""What training takes from the cache."""

from types import SimpleNamespace

from cityzoo.data.text.texts import TextExample, TextSet
from cityzoo.modalities.text import TEXT, build
from cityzoo.modalities.text.views import rows_by_length
from tests.tiny_encoder import write_encoder
from zoo.text.encoder import EncoderConfig, build_encoder
from zoo.text.tokenizer import Tokenizer


def test_short_texts_are_not_cached_at_a_block(tmp_path):
    write_encoder(tmp_path)
    tokenizer = Tokenizer.from_folder(tmp_path, 64)
    texts = [TextExample("lamp", "a:1"), TextExample("lamp " * 30, "a:2"), TextExample("bin bag", "a:3")]
    train = TextSet("train", ("x",), tuple(texts))
    assert rows_by_length(train) == [0, 2, 1]
    fill = build._mean_fill(tokenizer, train)
    assert fill == (3 + 32 + 4) / 3 / 64
    encoder = build_encoder(EncoderConfig(30, 8, 2, 2, 16, 64))
    encoder.mean_fill = fill
    assert TEXT.prefix(encoder, "block01") is None and TEXT.prefix(encoder, "backbone") is not None
    encoder.mean_fill = 0.9
    assert TEXT.prefix(encoder, "block00") is None and TEXT.prefix(encoder, "block01") is not None


def test_terms_stay_those_that_the_weights_of_a_whole_model_belong_to(tmp_path):
    """Of "tfidf": rows of the head are of terms; texts of a continued run must not bring others."""
    old, new = (
        SimpleNamespace(examples=[SimpleNamespace(text=text)] * 3) for text in ("red light", "blue bin")
    )
    build.make_tokenizer("tfidf", 8, old).write(tmp_path)
    kept = build.make_tokenizer("tfidf", 8, new, str(tmp_path / "model.keras"))
    assert kept(["red light"]).any() and not kept(["blue bin"]).any()
    assert build.make_tokenizer("tfidf", 8, new)(["blue bin"]).any()
