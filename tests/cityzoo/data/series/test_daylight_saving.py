import numpy as np
import pandas

from cityzoo.data.series import timezones

CITY = "America/Los_Angeles"


def read(shown, empty=None, track=None, timezone=CITY):
    shown = np.array(shown, "datetime64[s]")
    tracks = np.zeros(len(shown), np.int64) if track is None else np.array(track)
    return timezones.to_utc(
        shown, tracks, np.zeros(len(shown), bool) if empty is None else np.array(empty), timezone
    )


def stretch(start, end, minutes=5):
    return np.arange(start, end, np.timedelta64(minutes, "m"), "datetime64[s]")


def hours(times):
    return (times.astype("datetime64[m]") - np.datetime64("2012-11-04")).astype(int) / 60


def counts(reading):
    return {kind: int(marked.sum()) for kind, marked in reading.marks.items() if marked.any()}


def test_an_hour_that_occurs_twice_is_told_apart_by_its_order_as_pandas_does():
    shown = np.concatenate(
        [stretch("2012-11-04T00:30", "2012-11-04T02:00"), stretch("2012-11-04T01:00", "2012-11-04T03:00")]
    )
    reading = read(shown)
    expected = (
        pandas.DatetimeIndex(shown).tz_localize(CITY, ambiguous="infer").tz_convert("UTC").tz_localize(None)
    )
    np.testing.assert_array_equal(reading.times, expected.to_numpy("datetime64[s]"))
    assert (np.diff(reading.times).astype(int) == 300).all()
    assert counts(reading) == {"twice": 24}


def test_copies_side_by_side_are_one_of_each_pass():
    reading = read(["2012-11-04T01:00", "2012-11-04T01:00", "2012-11-04T01:30", "2012-11-04T01:30"])
    assert hours(reading.times).tolist() == [8, 9, 8.5, 9.5]


def test_a_second_pass_is_known_by_the_clock_going_back():
    reading = read(["2012-11-04T01:00", "2012-11-04T01:20", "2012-11-04T01:10", "2012-11-04T01:30"])
    np.testing.assert_allclose(hours(reading.times), [8, 8 + 1 / 3, 9 + 1 / 6, 9.5])


def test_an_hour_that_was_written_once_is_taken_for_the_first():
    reading = read(stretch("2012-11-04T00:00", "2012-11-04T03:00", 30))
    assert hours(reading.times).tolist() == [7, 7.5, 8, 8.5, 10, 10.5]
    assert counts(reading) == {"twice once": 2}


def test_each_track_and_each_year_has_its_own_passes():
    shown = [
        "2012-11-04T01:00",
        "2012-11-04T01:00",
        "2012-11-04T01:00",
        "2012-11-04T01:00",
        "2013-11-03T01:00",
    ]
    reading = read(shown, track=[0, 1, 0, 1, 0])
    assert hours(reading.times[:4]).tolist() == [8, 8, 9, 9]
    assert reading.times[4] == np.datetime64("2013-11-03T08:00")
    assert counts(reading) == {"twice": 4, "twice once": 1}


def test_a_clock_that_jumps_says_nothing():
    shown = np.concatenate(
        [stretch("2012-03-11T01:00", "2012-03-11T02:00"), stretch("2012-03-11T03:00", "2012-03-11T04:00")]
    )
    reading = read(shown)
    assert (np.diff(reading.times).astype(int) == 300).all() and counts(reading) == {}


def test_times_that_never_occur_move_on_with_the_clock():
    reading = read(["2012-03-11T01:30", "2012-03-11T02:30", "2012-03-11T04:00"])
    assert [str(each)[11:16] for each in reading.times] == ["09:30", "10:30", "11:00"]
    assert counts(reading) == {"never": 1}


def test_an_hour_that_never_occurs_and_holds_nothing_is_filling():
    shown = stretch("2012-03-11T01:00", "2012-03-11T04:00")
    reading = read(
        shown, empty=(shown >= np.datetime64("2012-03-11T02")) & (shown < np.datetime64("2012-03-11T03"))
    )
    assert reading.kept.sum() == 24 and (np.diff(reading.times[reading.kept]).astype(int) == 300).all()
    assert counts(reading) == {"never, empty": 12}


def test_measurements_in_it_tell_a_clock_of_standard_time():
    reading = read(stretch("2012-03-11T01:00", "2012-03-11T05:00", 60))
    assert [str(each)[11:16] for each in reading.times] == ["09:00", "10:00", "11:00", "12:00"]
    assert reading.kept.all() and counts(reading) == {"no daylight saving": 3}


def test_utc_and_the_south():
    assert counts(read(stretch("2012-03-11T00:00", "2012-03-12T00:00"), timezone="UTC")) == {}
    reading = read(["2012-04-01T02:30", "2012-04-01T02:30"], timezone="Australia/Sydney")  # autumn there
    assert [str(each)[:16] for each in reading.times] == ["2012-03-31T15:30", "2012-03-31T16:30"]


def test_a_stray_row_does_not_make_a_clock_standard():
    shown = np.concatenate(
        [stretch("2012-03-11T01:00", "2012-03-11T02:05"), stretch("2012-03-11T03:00", "2012-03-11T04:00")]
    )
    reading = read(shown)
    assert counts(reading) == {"never": 1} and reading.kept.all()
    assert str(reading.times[12]) == str(reading.times[13]) == "2012-03-11T10:00:00"


def test_a_clock_that_goes_back_in_autumn_goes_forward_in_spring():
    spring = stretch("2012-03-11T01:00", "2012-03-11T05:00", 60)
    autumn = np.array(["2012-11-04T01:00", "2012-11-04T01:00"], "datetime64[s]")
    assert counts(read(np.concatenate([spring, autumn]))) == {"never": 1, "twice": 2}
