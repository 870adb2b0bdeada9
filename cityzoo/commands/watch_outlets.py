"""Flags of watch for what leaves it: sinks, evidence, response plans, acknowledgements."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation
    from cityzoo.watch.evidence.recorder import EvidenceRecorder
    from cityzoo.watch.evidence.redaction import Redaction
    from cityzoo.watch.evidence.watched_video import WatchedVideo
    from cityzoo.watch.response.responder import Responder
    from cityzoo.watch.sinks.mail import MailSink
    from cityzoo.watch.sinks.mqtt import MqttSink
    from cityzoo.watch.sinks.sink import Report, Sink
    from cityzoo.watch.watching import Watching

ROTATED = 100e6  # bytes of a file of JSON lines


def add_outlet_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    group = parser.add_argument_group("where events go (passwords: see docs/watching.md)")
    add_sink_arguments(group)
    about = "counts as TrafficFlowObserved: URL of a broker, or a file of JSON lines"
    group.add_argument("--ngsi-ld", metavar="URL|FILE", help=about)
    group.add_argument("--position", metavar="LAT,LON", help="of the cameras, for --ngsi-ld")
    _add_evidence(parser.add_argument_group("evidence and privacy"))
    add = parser.add_argument_group("responses").add_argument
    add("--response", metavar="FILE", help="response plans as YAML: on which alarm what is done")
    about = "carry the plans out (default: a dry run, which only writes responses.jsonl)"
    add("--act", action="store_true", help=about)


def add_sink_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the flags of receivers that take events of any kind."""
    count, add = cli.argparse_type(parse_count), group.add_argument
    add("--json-lines", metavar="FILE", help="all events; it is rotated at 100 MB")
    about = "receiver of alarms as signed POST requests; may be repeated"
    add("--webhook", metavar="URL", action="append", default=[], help=about)
    add("--webhook-events", action="store_true", help="send all events to --webhook, not only alarms")
    about = (
        "broker: HOST, HOST:PORT or, with TLS, mqtts://HOST; topics are cityzoo/CAMERA/events, alarms, counts"
    )
    add("--mqtt", metavar="ADDRESS", help=about)
    add(
        "--mqtt-ca", metavar="FILE", help="certificates that sign the broker's (default: those of the system)"
    )
    about = "address that gets alarms; may be repeated"
    add("--mail", metavar="ADDRESS", action="append", default=[], help=about)
    about = "smtp://HOST:PORT (STARTTLS), smtps://HOST or smtp+plain://HOST"
    add("--mail-server", metavar="URL", help=about)
    add("--mail-from", metavar="ADDRESS", help="sender (default: cityzoo@ the mail server)")
    about = "most mails an hour: what comes faster is sent as a digest (default: 6)"
    add("--mails-per-hour", metavar="N", type=count, default=6, help=about)


def _add_evidence(group: argparse._ArgumentGroup) -> None:
    number, add = cli.argparse_type(parse_number), group.add_argument
    add("--no-evidence", action="store_true", help="keep no clips of alarms")
    about = "of a clip before and after an alarm (default: 5)"
    add("--evidence-seconds", metavar="N", type=number, default=5.0, help=about)
    about = "the oldest clips are removed beyond it (default: 1000)"
    add("--evidence-mb", metavar="N", type=number, default=1000.0, help=about)
    add("--evidence-days", metavar="N", type=number, help="after which clips are removed (default: never)")
    about = (
        "what is covered in stored frames (default: people and lower halves of vehicles, by the detector of the "
        "watch): parts joined by +, found in addition: faces, FOLDER[:CLASS,...][@SCORE]; pixelate, blur or fill; "
        "background: only the empty street and boxes are stored; none: nothing is covered but privacy zones"
    )
    add("--redact", metavar="WHAT", help=about)
    add("--encryption-key", metavar="FILE", help="encrypts the clips")
    add("--video", action="store_true", help="write watched.mp4: boxes and counts over the empty street")


def attach_outlets(given: argparse.Namespace, watching: Watching, class_names: Sequence[str]) -> None:
    """Open what the flags ask for, and connect it to a watch.

    Raises:
        InputError: flags that contradict each other, or what they name cannot be used; the new out folder is removed.
    """
    try:
        _attach_outlets(given, watching, class_names)
    except InputError:
        watching.folder.close()
        shutil.rmtree(watching.folder.path, ignore_errors=True)
        raise


def _attach_outlets(given: argparse.Namespace, watching: Watching, class_names: Sequence[str]) -> None:
    report, out, cameras = watching.reports.append, watching.folder.path, [*watching.watches]
    recorder = _open_evidence(given, watching, class_names, report)
    mqtt = _open_mqtt(given, out, cameras, report)
    sinks = open_sinks(given, report) + _open_ngsi(given, report)
    clips = None if given.no_evidence else recorder
    responder, more = _open_responses(given, watching, mqtt, clips, report)
    watching.sinks = [
        *([responder] if responder else []),  # first to be closed: it sends to the others
        *([mqtt] if mqtt else []),
        *sinks,
        *more,
        *([recorder] if recorder else []),
    ]
    if recorder:
        watching.attach = partial(_attach, recorder, not given.no_evidence)


def _attach(
    recorder: EvidenceRecorder, keeps_clips: bool, seen: Observation | None, events: Sequence[dict[str, Any]]
) -> None:
    """Keep the frame, if there is one, and name the clips of new alarms."""
    if seen:
        recorder.update(seen)
    for event in events:
        if keeps_clips and event.get("state") == "raised":
            clip = recorder.start(event)
            event |= {"evidence": clip} if clip else {}


def open_sinks(given: argparse.Namespace, report: Report) -> list[Sink]:
    """Open what the flags of `add_sink_arguments` ask for, but MQTT, which has to know the sources."""
    from cityzoo.watch.sinks.json_lines import JsonLinesSink
    from cityzoo.watch.sinks.webhook import WebhookSink

    sinks: list[Sink] = [JsonLinesSink(Path(given.json_lines), ROTATED)] if given.json_lines else []
    sinks += [WebhookSink(url, report, not given.webhook_events) for url in given.webhook]
    return sinks + ([_make_mail(given, report, tuple(given.mail))] if given.mail else [])


def _open_ngsi(given: argparse.Namespace, report: Report) -> list[Sink]:
    from cityzoo.watch.sinks.json_lines import JsonLinesSink
    from cityzoo.watch.sinks.ngsi_ld import NgsiSink, parse_position, traffic_flow_observed

    position = parse_position(given.position) if given.position else None
    if given.ngsi_ld and "://" in given.ngsi_ld:
        return [NgsiSink(given.ngsi_ld, position, report)]
    if given.ngsi_ld:
        convert = partial(traffic_flow_observed, position=position)
        return [JsonLinesSink(Path(given.ngsi_ld), ROTATED, convert=convert)]
    return []


def _make_mail(given: argparse.Namespace, report: Report, addresses: tuple[str, ...]) -> MailSink:
    from cityzoo.watch.sinks.mail import MailSink

    if not given.mail_server:
        raise InputError("--mail needs a server: give --mail-server smtp://HOST:PORT")
    return MailSink(addresses, given.mail_server, given.mail_from, given.mails_per_hour, report)


def _open_mqtt(
    given: argparse.Namespace, out: Path, cameras: Sequence[str], report: Report
) -> MqttSink | None:
    if not given.mqtt:
        return None
    from cityzoo.watch.response.acknowledgements import acknowledge
    from cityzoo.watch.sinks.mqtt import MqttSink

    authority = Path(given.mqtt_ca) if given.mqtt_ca else None
    return MqttSink(given.mqtt, cameras, report, authority, partial(acknowledge, out, way="mqtt"))


def _open_evidence(
    given: argparse.Namespace, watching: Watching, class_names: Sequence[str], report: Report
) -> EvidenceRecorder | None:
    scenes = {camera: watch.scene for camera, watch in watching.watches.items()}
    keeps_clips = not given.no_evidence and any(scene.rules for scene in scenes.values())
    if not given.video and not keeps_clips:
        return None
    from cityzoo.watch.evidence.recorder import EvidenceRecorder
    from cityzoo.watch.evidence.redaction import Redaction
    from cityzoo.watch.evidence.store import ClipStore

    redaction, keys = Redaction.from_name(given.redact), None
    if not keeps_clips and given.redact is None:
        redaction = Redaction(is_background=True)  # the video needs no more
    if given.encryption_key:
        from cityzoo.security.encryption_keys import read_encryption_keys

        keys = read_encryption_keys(given.encryption_key)
        if given.video:
            raise InputError("--video is not encrypted: remove it, or --encryption-key")
    store = ClipStore(watching.folder.path, keys, given.evidence_mb * 1e6, given.evidence_days)
    videos = _open_videos(given, watching, class_names, redaction) if given.video else {}
    seconds = (given.evidence_seconds, given.evidence_seconds)
    return EvidenceRecorder(store, class_names, scenes, redaction, seconds, videos, report)


def _open_videos(
    given: argparse.Namespace, watching: Watching, class_names: Sequence[str], redaction: Redaction
) -> Mapping[str, WatchedVideo]:
    from cityzoo.watch.evidence.watched_video import WatchedVideo

    videos = {}
    for camera, watch in watching.watches.items():
        name = "watched.mp4" if len(watching.watches) == 1 else f"watched.{camera}.mp4"
        chosen = redaction if given.redact else None
        path = watching.folder.path / name
        videos[camera] = WatchedVideo(path, class_names, watch.scene, chosen, not watching.is_live)
    return videos


def _open_responses(
    given: argparse.Namespace,
    watching: Watching,
    mqtt: MqttSink | None,
    recorder: EvidenceRecorder | None,
    report: Report,
) -> tuple[Responder | None, list[Sink]]:
    if not given.response:
        if given.act:
            raise InputError("--act carries out response plans: give --response FILE")
        return None, []
    from cityzoo.watch.response.actions import Actions
    from cityzoo.watch.response.reader import read_plans
    from cityzoo.watch.response.responder import Responder

    plans, out = read_plans(Path(given.response)), watching.folder.path
    make_mail = partial(_make_mail, given, report) if given.mail_server else None
    actions = Actions(plans, out, [*watching.watches], mqtt, recorder, make_mail, report)
    return Responder(plans, out, actions.act if given.act else None), [actions]


def acknowledge_parser() -> cli.Parser:
    """Return the parser of --acknowledge."""
    parser = cli.Parser(prog="python -m cityzoo watch", allow_abbrev=False)
    about = "out folder of the watch, and id of the alarm or its incident"
    parser.add_argument("--acknowledge", nargs=2, metavar=("OUT", "ALARM"), required=True, help=about)
    parser.add_argument("--by", metavar="NAME", required=True, help="who acknowledges it")
    return parser


def run_acknowledge(arguments: Sequence[str]) -> str:
    """Acknowledge an alarm; return a line that says so."""
    from cityzoo.watch.response.acknowledgements import acknowledge

    given = acknowledge_parser().parse_args(arguments)
    return acknowledge(Path(given.acknowledge[0]), given.acknowledge[1], given.by)
