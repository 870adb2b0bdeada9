"""Ratios of step times by hand."""

from benchmarks.cpu_settings import CONTENDERS, RATIOS, summarize


def test_a_ratio_is_the_median_of_pairs_that_ran_one_after_the_other():
    """90 / 60, 300 / 100 and 50 / 50; contenders that were not measured are left out."""
    before, now = ([{"ms": ms} for ms in rows] for rows in ((90.0, 300.0, 50.0), (60.0, 100.0, 50.0)))
    assert summarize({"AVX2 before": before, "AVX2 now": now}) == {"AVX2: before / now": 1.5}


def test_ratios_compare_contenders_that_exist():
    assert {name for slow, fast, _ in RATIOS.values() for name in (slow, fast)} <= CONTENDERS.keys()
