import pytest

from cityzoo.data.series.csv_sniffer import sniff_csv


@pytest.fixture
def seen(tmp_path):
    def see(*lines):
        path = tmp_path / "a.csv"
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8-sig")
        return sniff_csv(path)

    return see


@pytest.mark.parametrize(
    ("lines", "header"),
    [
        (("time,a", "2012-03-01,5"), ("time", "a")),
        (("773869,767541", "64.4,67.6"), ("773869", "767541")),  # numbers far greater than any below
        ((",773869,767541", "2012-03-01,64.4,67.6"), ("", "773869", "767541")),
        (("0,1,2", "3,1,2"), ("0", "1", "2")),  # counted
        (("12,30,18", "11,29,20"), ()),
        (("64.4,67.6", "64.0,67.1"), ()),
        (("2012-03-01 00:00,5", "2012-03-01 00:05,6"), ()),
        (("", "time,a", "2012-03-01,5"), ("time", "a")),
    ],
)
def test_whether_the_first_row_is_a_header(seen, lines, header):
    assert seen(*lines).header == header


def test_separators_and_decimal_commas(seen):
    found = seen("time;a", "2012-03-01;5,5", "2012-03-02;6")
    assert (found.separator, found.decimal, found.rows[0]) == (";", ",", ("2012-03-01", "5,5"))
    assert seen("time\ta", "2012-03-01\t5.5").separator == "\t"
    assert seen("time;a", "2012-03-01;5.5").decimal == "."


def test_what_is_no_table(seen, tmp_path):
    assert seen("time,a") is None
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    assert sniff_csv(tmp_path / "b.csv") is None and sniff_csv(tmp_path / "none.csv") is None
