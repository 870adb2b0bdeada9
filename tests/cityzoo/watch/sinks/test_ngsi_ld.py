"""TrafficFlowObserved, checked against the model's definition by hand, and a broker that is asked to upsert."""

import json
import re

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sinks.ngsi_ld import NgsiSink, parse_position, traffic_flow_observed
from tests.cityzoo.watch.sinks.conftest import wait_for

COUNTS = {
    "type": "counts",
    "camera": "north",
    "sensor": "north.ring road.to-harbour",
    "from": "2026-05-01T08:00:00.000+02:00",
    "to": "2026-05-01T08:05:00.000+02:00",
    "direction": "back",
    "value": 12,
    "low": 10,
    "high": 15,
    "speed_kmh": 43.5,
    "occupancy": 0.21,
}
# Of the model's specification: number, or 0..1, or one of two words.
NUMBERS = {"intensity", "averageVehicleSpeed", "averageHeadwayTime", "occupancy"}


def test_an_entity_has_the_properties_of_the_model():
    entity = traffic_flow_observed(COUNTS, (48.2, 16.4))
    assert entity["type"] == "TrafficFlowObserved"
    assert re.fullmatch(r"urn:ngsi-ld:TrafficFlowObserved:[\w\-.%:]+", entity["id"])
    dates = {name: entity[name]["value"] for name in ("dateObserved", "dateObservedFrom", "dateObservedTo")}
    assert dates == {
        "dateObserved": {"@type": "DateTime", "@value": "2026-05-01T06:00:00Z/2026-05-01T06:05:00Z"},
        "dateObservedFrom": {"@type": "DateTime", "@value": "2026-05-01T06:00:00Z"},
        "dateObservedTo": {"@type": "DateTime", "@value": "2026-05-01T06:05:00Z"},
    }
    assert entity["intensity"]["value"] == 12
    assert entity["intensity"]["low"] == {"type": "Property", "value": 10}
    assert entity["averageVehicleSpeed"] == {"type": "Property", "value": 43.5, "unitCode": "KMH"}
    assert 0 <= entity["occupancy"]["value"] <= 1
    assert entity["laneDirection"]["value"] == "backward"
    assert entity["location"]["value"] == {"type": "Point", "coordinates": [16.4, 48.2]}
    assert entity["@context"][0].endswith("dataModel.Transportation/master/context.jsonld")
    for name, value in entity.items():
        if name not in ("id", "type", "@context"):
            assert value["type"] == ("GeoProperty" if name == "location" else "Property")
            assert name not in NUMBERS or isinstance(value["value"], (int, float))


def test_what_was_not_observed_is_no_entity():
    assert traffic_flow_observed({**COUNTS, "value": None}) is None
    assert traffic_flow_observed({"type": "crossing"}) is None


def test_a_broker_gets_each_interval_once_and_no_sensor_twice_in_a_request(receiver):
    receiver.codes = [503]
    sink = NgsiSink(receiver.url + "/", (48.2, 16.4))
    other = {**COUNTS, "sensor": "south.1.in"}
    for event in ({"type": "crossing"}, COUNTS, {**COUNTS, "value": 13}, other):
        sink.send(event)
    wait_for(lambda: sink.sent == 3)
    sink.close(1)
    assert {path for path, _, _ in receiver.requests} == {"/ngsi-ld/v1/entityOperations/upsert"}
    assert receiver.requests[0][1]["Content-Type"] == "application/ld+json"
    answered = [json.loads(body) for _, _, body in receiver.requests[1:]]
    assert all(len({entity["id"] for entity in batch}) == len(batch) for batch in answered)
    values = [
        entity["intensity"]["value"] for batch in answered for entity in batch if "ring" in entity["id"]
    ]
    assert values == [12, 13]


def test_positions_are_checked():
    assert parse_position(" 48.2, 16.4") == (48.2, 16.4)
    for text in ("48.2", "91,0", "0,181", "a,b", "1,2,3"):
        with pytest.raises(InputError, match="LATITUDE"):
            parse_position(text)
