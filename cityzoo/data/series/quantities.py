"""Names of columns that are quantities (pm2.5, TEMP, pressure) rather than sensors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from cityzoo.errors import InputError

# Each by the words that name it; a word is matched as a whole.
QUANTITIES = {
    "temperature": r"temp\w*|tmp|t2m|tair",
    "dew point": r"dewp?|dewpoint",
    "pressure": r"pres|press|pressure|baro\w*|mslp|slp",
    "humidity": r"hum|humidity|rh|rhum|relhum|ah",
    "wind": r"wind\w*|wspm|ws|wd|iws|gust\w*",
    "precipitation": r"rain\w*|precip\w*|prec|prcp|snow\w*",
    "radiation": r"radiation|solar|irradiance|ghi|uv",
    "ozone": r"o3|ozone",
    "nitrogen dioxide": r"no2",
    "nitrogen oxides": r"nox?",
    "sulfur dioxide": r"so2",
    "carbon monoxide": r"co",
    "carbon dioxide": r"co2",
    "hydrocarbons": r"c6h6|benzene|t?vocs?|nmhc|ch4",
    "ammonia": r"nh3|h2s",
    "noise": r"noise|laeq|db",
    "visibility": r"visib\w*|clouds?",
    "speed": r"speed\w*|velocity",
    "flow": r"flow|volume|intensity",
    "occupancy": r"occ|occupancy",
    "density": r"density|headway",
}
PARTICLES = re.compile(r"pm[ _]?(\d+)(?:[._,](\d+))?")
# Units and ways to measure, which tell no station from another.
UNIT = r"ugm?|m3|ugm3|mg|pp[bm]|[abcfk]|deg[cf]?|h?pa|m?bar|mb|mph|kmh|mean|avg|max|min|raw|cf1?|atm|alt|gt"
SHORT = 2  # letters of a word that may as well be an abbreviation of a place


def quantity_of(name: str) -> tuple[str, str, bool]:
    """Return the quantity that a column is named after, the rest of the name, and whether the name is unmistakable.

    Example:
        >>> quantity_of("PM2.5_CF1_ug/m3"), quantity_of("Nord TEMP"), quantity_of("773869")
        (('pm2.5', '', True), ('temperature', 'nord', True), ('', '773869', False))
    """
    text = name.strip().lower()
    particles = PARTICLES.search(text)
    found, sure = "", False
    if particles:
        whole, part = particles[1], particles[2] or ""
        whole, part = ("2", "5") if whole == "25" else (whole, part)
        found, sure = f"pm{whole}" + (f".{part}" if part.strip("0") else ""), True
        text = text.replace(particles[0], " ", 1)
    rest = []
    for word in re.split(r"[\W_]+", text):
        hit = next((each for each, pattern in QUANTITIES.items() if re.fullmatch(pattern, word)), "")
        if hit:
            found, sure = found or hit, sure or len(word) > SHORT
        elif word and not re.fullmatch(UNIT, word):
            rest.append(word)
    return found, " ".join(rest), sure


def is_one_station(names: Sequence[str], place: str) -> bool:
    """Return whether columns are the quantities of one station, rather than sensors of one quantity.

    At least half of the names must be quantities, two of them different.

    Raises:
        InputError: quantities of several stations, or quantities among sensors.

    Example:
        >>> is_one_station(["pm2.5", "DEWP", "TEMP"], "a.csv"), is_one_station(["pm10 Nord", "pm10 Sued"], "a.csv")
        (True, False)
    """
    found = [quantity_of(name) for name in names]
    known = [each for each in found if each[0]]
    kinds = {quantity for quantity, _, _ in known}
    sure = {quantity for quantity, _, is_sure in known if is_sure}
    if len(kinds) < 2 or not sure:
        return False
    stations = defaultdict(set)
    for quantity, rest, _ in known:
        stations[rest].add(quantity)
    several = [rest for rest, measured in stations.items() if rest and len(measured) > 1]
    if len(several) > 1:
        raise InputError(
            f"{place}: columns such as '{names[0]}' look like quantities of {len(several)} "
            f"stations ({', '.join(sorted(kinds))}): write a row for each time and station: time,station,QUANTITY,..."
        )
    if 2 * len(known) >= len(names):
        return True
    if len(sure) > 1:
        first = next(name for name, each in zip(names, found, strict=True) if each[2])
        other = next(name for name, each in zip(names, found, strict=True) if not each[0])
        raise InputError(
            f"{place}: column '{first}' looks like a quantity, '{other}' like a sensor: leave one "
            "sort out, or write rows of time,sensor,QUANTITY"
        )
    return False
