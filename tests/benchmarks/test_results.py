"""Ratios and the page."""

import doctest

from benchmarks import jpeg_files, results
from benchmarks.results import RATIOS, WHAT, headline, page, ratios

ROUNDS = {
    "decode_resize": [100.0, 50.0, 100.0],
    "geometry": [80.0, 60.0, 90.0],
    "keras_geometry_by_batch": [20.0, 10.0, 10.0],
    "keras_geometry_by_image": [10.0, 20.0, 30.0],
}


def test_a_ratio_is_the_median_of_the_rounds_against_the_faster_of_two():
    """By hand: .8, 1.2, .9 and 80/20, 60/20, 90/30."""
    found = ratios(ROUNDS)
    assert (found["geometry_vs_decode_resize"], found["geometry_vs_keras_resized_first"]) == (0.9, 3.0)


def test_what_was_not_measured_has_no_ratio():
    """But its name is there."""
    found = ratios(ROUNDS)
    assert set(found) == set(RATIOS)
    assert found["geometry_vs_albumentations"] is None and found["standard_vs_keras_chain"] is None


def test_every_name_in_a_ratio_is_a_contender():
    """A misspelt one would never be measured."""
    assert {name for mine, others, _ in RATIOS.values() for name in (mine, *others)} <= set(WHAT)


def test_the_first_setting_has_the_plain_names():
    """The others carry the setting."""
    found = headline({"1280x720:256x256": ROUNDS, "640x480:512x512": {}})
    assert found["geometry_vs_decode_resize"] == 0.9
    assert found["geometry_vs_decode_resize_640x480_512x512"] is None


def test_the_page_shows_medians_ratios_and_notes():
    """As Markdown tables."""
    facts = {"processor": "P", "cores_used": 2, "cores": 4, "system": "S", "date": "2030-01-02"}
    facts |= {"load_average_at_start": 0.1, "versions": ["Python 3", "peer 9"]}
    lines = page(facts, {"128x64:64x64": ROUNDS}, ["a note"]).splitlines()
    assert "P, 2 of 4 cores, S, 2030-01-02; load before the start 0.1. Python 3, peer 9." in lines
    assert "- a note" in lines
    assert "| geometry_vs_decode_resize | 0.9 | 0.90 |" in lines
    assert any(line.startswith("| geometry |") and "| 80 | 60 to 90 | 0.80 |" in line for line in lines)


def test_examples_in_docstrings_run():
    """Of all modules here that have some."""
    for module in (jpeg_files, results):
        found = doctest.testmod(module)
        assert found.attempted and not found.failed
