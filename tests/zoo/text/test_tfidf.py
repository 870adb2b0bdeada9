"""TF-IDF against scikit-learn on the same terms."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from zoo.text.tfidf import TfidfTokenizer, _split, build_tfidf

TEXTS = ["Bus 7 is late", "the bus stop light is broken, the light!", "Straße gesperrt", "late late tram"]


def test_values_equal_those_of_scikit_learn():
    reference = TfidfVectorizer(analyzer=lambda text: list(_split(text)), sublinear_tf=True, min_df=1)
    expected = reference.fit_transform(TEXTS).toarray()
    tokenizer = TfidfTokenizer.fit(TEXTS, smallest=1)
    order = [reference.vocabulary_[term] for term in tokenizer.terms]
    np.testing.assert_allclose(tokenizer(TEXTS), expected[:, order], atol=1e-6)


def test_the_most_frequent_terms_stay_and_files_are_read_again(tmp_path):
    tokenizer = TfidfTokenizer.fit(TEXTS, largest=5, smallest=1)
    assert len(tokenizer.terms) == 5 and next(iter(tokenizer.terms)) == "part e "  # in three texts
    tokenizer.write(tmp_path)
    np.testing.assert_array_equal(TfidfTokenizer.from_folder(tmp_path)(TEXTS), tokenizer(TEXTS))


def test_unknown_words_give_zeros_and_no_words_an_error(tmp_path):
    tokenizer = TfidfTokenizer.fit(TEXTS, smallest=2)
    assert not tokenizer(["żółć 12345"]).any() and not tokenizer([""]).any()
    with pytest.raises(ValueError, match="no word occurs"):
        TfidfTokenizer.fit(["a b", "c d"], smallest=3)
    (tmp_path / "tfidf.json").write_text("[1]")
    with pytest.raises(ValueError, match="cannot be read"):
        TfidfTokenizer.from_folder(tmp_path)


def test_the_backbone_passes_rows_on():
    rows = TfidfTokenizer.fit(TEXTS)(TEXTS)
    np.testing.assert_array_equal(build_tfidf(rows.shape[1])(rows)["pooled"], rows)
