import numpy as np
import pytest

from cityzoo.data.series import timezones
from cityzoo.errors import InputError

CITY = "America/Los_Angeles"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5min", 300), ("1h", 3600), ("30 s", 30), ("1d", 86400), (900, 900), ("15 minutes", 900)],
)
def test_steps(text, seconds):
    assert timezones.parse_step(text) == seconds


@pytest.mark.parametrize("text", ["five", "0", "-5min", "5 weeks", "", "1.5h", None])
def test_what_is_no_step(text):
    with pytest.raises(InputError, match=r"step '.*' is not understood: .* e.g. 5min"):
        timezones.parse_step(text)


def test_times():
    assert timezones.parse_time("2012-07-01 06:00", CITY) == np.datetime64("2012-07-01T13:00")  # summer
    with pytest.raises(InputError, match="time '1/3/2012' is not understood: write it as 2012-03-01"):
        timezones.parse_time("1/3/2012", CITY)
