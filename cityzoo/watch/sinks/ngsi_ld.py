"""Counts as entities of the smart data model TrafficFlowObserved, for NGSI-LD brokers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from cityzoo.errors import InputError
from cityzoo.watch.sinks.secrets import read_secret, split_url
from cityzoo.watch.sinks.sink import Event, QueuedSink, Report
from cityzoo.watch.sinks.webhook import _NoRedirect, post

TOKEN = "CITYZOO_NGSI_TOKEN"  # environment
CONTEXT = [
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Transportation/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
]
UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
MEASURES = {  # column of counts: property and its unit (UN/CEFACT)
    "speed_kmh": ("averageVehicleSpeed", "KMH"),
    "occupancy": ("occupancy", "C62"),
    "headway_seconds": ("averageHeadwayTime", "SEC"),
}


def traffic_flow_observed(
    event: Mapping[str, Any], position: tuple[float, float] | None = None
) -> dict[str, Any] | None:
    """Return the entity of an interval of a sensor, None if it was not observed.

    https://github.com/smart-data-models/dataModel.Transportation/tree/master/TrafficFlowObserved

    Args:
        event: of type "counts": sensor, from, to (ISO 8601), value (vehicles in the interval), low, high, direction,
            and columns of `MEASURES`; those that are missing are left out.
        position: of the camera, degrees of latitude and longitude.

    Example:
        >>> span = {"from": "2026-05-01T06:00:00+00:00", "to": "2026-05-01T06:05:00+00:00"}
        >>> entity = traffic_flow_observed({"type": "counts", "sensor": "north.1.in", "value": 12, **span})
        >>> entity["intensity"]["value"], entity["dateObservedTo"]["value"]["@value"]
        (12, '2026-05-01T06:05:00Z')
    """
    if event.get("type") != "counts" or event.get("value") is None:
        return None
    start, end = (_utc(event[name]) for name in ("from", "to"))
    bounds = {name: _property(event[name]) for name in ("low", "high") if event.get(name) is not None}
    entity: dict[str, Any] = {
        "id": f"urn:ngsi-ld:TrafficFlowObserved:cityzoo:{quote(str(event['sensor']), safe='.-_')}",
        "type": "TrafficFlowObserved",
        "name": _property(event["sensor"]),
        "dateObserved": _property({"@type": "DateTime", "@value": f"{start}/{end}"}),
        "dateObservedFrom": _property({"@type": "DateTime", "@value": start}),
        "dateObservedTo": _property({"@type": "DateTime", "@value": end}),
        "intensity": {**_property(event["value"]), "observedAt": end, **bounds},
    }
    if event.get("direction"):
        entity["laneDirection"] = _property("forward" if event["direction"] == "forward" else "backward")
    for column, (name, unit) in MEASURES.items():
        if event.get(column) is not None:
            entity[name] = {**_property(event[column]), "unitCode": unit}
    if position:
        point = {"type": "Point", "coordinates": [position[1], position[0]]}  # GeoJSON: longitude first
        entity["location"] = {"type": "GeoProperty", "value": point}
    return {**entity, "@context": CONTEXT}


class NgsiSink(QueuedSink):
    """Create or update the entities of a broker, many at once.

    Args:
        url: of the broker; a token in CITYZOO_NGSI_TOKEN is sent as bearer.
        position: see `traffic_flow_observed`.
        report: see `QueuedSink`.

    Raises:
        InputError: no URL of http or https, or one with a password.
    """

    at_once = 100

    def __init__(
        self, url: str, position: tuple[float, float] | None = None, report: Report = lambda event: None
    ) -> None:
        parts = split_url(url, "--ngsi-ld", ("https", "http"), TOKEN)
        self.url, self.position = f"{parts.geturl().rstrip('/')}{UPSERT}", position
        token = read_secret(TOKEN)
        self.headers = {"Content-Type": "application/ld+json"}
        self.headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._opener = urllib.request.build_opener(_NoRedirect)
        super().__init__(f"ngsi-ld {parts.netloc}", report)

    def accepts(self, event: Event) -> bool:
        """Return whether an event is for this sink."""
        return event["type"] == "counts" and event.get("value") is not None

    def deliver(self, events: list[Event]) -> None:
        """POST the entities, those of one sensor one after the other.

        Raises:
            OSError: no answer, or one of a broker in trouble.
            Rejected: the broker refuses them.
        """
        rest = list(events)
        while rest:
            first = {event["sensor"]: event for event in reversed(rest)}
            entities = [traffic_flow_observed(event, self.position) for event in first.values()]
            body = json.dumps(entities, ensure_ascii=False, allow_nan=False).encode()
            post(self._opener, self.url, body, self.headers)
            rest = [event for event in rest if first[event["sensor"]] is not event]


def parse_position(text: str) -> tuple[float, float]:
    """Return LATITUDE,LONGITUDE in degrees.

    Raises:
        InputError: something else.

    Example:
        >>> parse_position("48.2,16.37")
        (48.2, 16.37)
    """
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        latitude = longitude = float("nan")
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise InputError(f"position '{text[:40]}': give LATITUDE,LONGITUDE in degrees, e.g. 48.21,16.37")
    return latitude, longitude


def _property(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
