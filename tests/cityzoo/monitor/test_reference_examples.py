"""The file next to reference.json comes back as it was, or not at all."""

import numpy as np

from cityzoo.monitor.reference_examples import NAME, MeasuredExamples, read_examples

EXAMPLES = MeasuredExamples(
    ("a.png", "b.png", "c.png"),
    ("north", "north", ""),
    np.arange(6, dtype=np.float32).reshape(3, 2),
    {"blur": np.array([1, np.nan, 3], np.float32)},
    np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
)


def test_what_was_written_is_read(tmp_path):
    """Names, cameras, numbers and thumbnails; another key means that it was made of something else."""
    EXAMPLES.write(tmp_path, "key")
    found = read_examples(tmp_path, "key")
    assert (found.names, found.cameras) == (EXAMPLES.names, EXAMPLES.cameras)
    assert np.array_equal(found.features, EXAMPLES.features) and np.isnan(found.signals["blur"][1])
    assert np.array_equal(found.thumbnails, EXAMPLES.thumbnails)
    assert read_examples(tmp_path, "another") is None


def test_a_damaged_or_missing_file_is_none(tmp_path):
    """It is made again then."""
    assert read_examples(tmp_path, "key") is None
    EXAMPLES.write(tmp_path, "key")
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[:100])
    assert read_examples(tmp_path, "key") is None


def test_some_of_them():
    """By positions or by a mask."""
    assert EXAMPLES.select([2, 0]).names == ("c.png", "a.png")
    assert EXAMPLES.select(np.array([False, True, False])).cameras == ("north",)
