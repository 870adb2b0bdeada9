import pytest

from cityzoo.data.series.findings import KINDS, UNUSED, SeriesFindings
from cityzoo.errors import InputError


def test_strict_refuses_what_is_not_used_and_nothing_else():
    findings = SeriesFindings("roads", "wide")
    for kind in KINDS.keys() - set(UNUSED):
        findings.add(kind, "roads/a.csv:3")
    findings.require_all_used()
    findings.add("unused column", "'note'"), findings.add("unused file", "roads/b.csv")
    with pytest.raises(
        InputError, match="--strict.*columns that are not used: 1 .'note'.; files .*: 1 .roads/b.csv"
    ):
        findings.require_all_used()
    assert set(UNUSED) <= KINDS.keys()
