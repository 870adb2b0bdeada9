"""Listen to microphones, recordings and streams: python -m cityzoo listen SOURCE --run RUN --stt pocketsphinx."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import cli
from cityzoo.cli.values import parse_names, parse_score
from cityzoo.commands.watch import end_by_signals
from cityzoo.commands.watch_flags import parse_positive
from cityzoo.commands.watch_outlets import add_sink_arguments, open_sinks
from cityzoo.errors import InputError, escape_control

if TYPE_CHECKING:
    from cityzoo.listen.listening import Ears
    from cityzoo.listen.sources import AudioSource
    from cityzoo.listen.voice_activity import Piece
    from cityzoo.watch.sinks.sink import Sink

PROG = "python -m cityzoo listen"
LOG = logging.getLogger(__name__)
ABOUT = """\
Listen to a microphone, a recording, a folder of recordings or a stream: write a JSON line for each sound and keyword of
an exported run of sound_classify, and for each piece of speech with its text and what the caller wants. Nothing but
those lines is kept, unless --output asks for it; personal data in texts is masked.
"""
EXAMPLES = f"""\
examples:
  {PROG} mic --run runs/keywords
  {PROG} rtsp://HOST/PATH --run exported/ --threshold 0.9 --mqtt broker
  {PROG} calls/ --stt pocketsphinx --intent runs/intents
  {PROG} calls/ --stt pocketsphinx:my.jsgf --evaluate calls/truth.csv
  {PROG} call.mp3 --stt whisper:FOLDER           a preset of KerasHub
Ctrl-C ends it. Exit code 2: unusable input.
"""


def listen_parser() -> cli.Parser:
    """Return the parser of the command."""
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    score, names, number = map(cli.argparse_type, (parse_score, parse_names, parse_positive))
    add = parser.add_argument
    add("source", metavar="SOURCE", help="mic, a sound file, a folder of them, or URL of a stream")
    about = "exported run of sound_classify; may be repeated"
    add("--run", metavar="RUN", action="append", default=[], help=about)
    about = "probability from which a class is heard, 0..1 (default: of the run's report, else 0.8)"
    add("--threshold", metavar="SCORE", type=score, help=about)
    about = "classes that are no events (default: background, silence, speech, unknown ...)"
    add("--ignore", metavar="NAMES", type=names, help=about)
    about = "after a sound in which its class is not heard again (default: 2)"
    add("--refractory", metavar="SECONDS", type=number, default=2.0, help=about)
    about = "speech to text: pocketsphinx, pocketsphinx:GRAMMAR.jsgf, whisper:FOLDER or moonshine:FOLDER"
    add("--stt", metavar="PLUG", help=about)
    add("--intent", metavar="RUN", help="exported run of text_intent: what a caller wants")
    about = "finds speech: energy, or webrtc (default: energy)"
    add("--voice-activity", metavar="NAME", default="energy", help=about)
    add("--minutes", metavar="N", type=number, help="end after this time (default: at the end, or never)")
    about = "CSV with path, text and label: print word error rate, right intents and invented texts"
    add("--evaluate", metavar="TRUTH", help=about)
    about = "keep events.jsonl and the pieces of speech as wav in this new folder"
    add("--output", metavar="FOLDER", help=about)
    add("--no-redaction", action="store_true", help="leave phone numbers, plates and names in texts")
    add_sink_arguments(parser.add_argument_group("where events go (passwords: see docs/watching.md)"))
    return parser


def main(arguments: Sequence[str]) -> int:
    """Listen to the end of the source, or until stopped."""
    given = listen_parser().parse_args(arguments)
    if not given.run and not given.stt:
        raise InputError("nothing to listen for: give --run, --stt or both")
    if given.intent and not given.stt:
        raise InputError("--intent needs the text of speech: give --stt, e.g. --stt pocketsphinx")
    from cityzoo.listen.evaluate import evaluate, read_truth
    from cityzoo.listen.listening import listen_to_all
    from cityzoo.listen.sources import open_sources
    from cityzoo.listen.voice_activity import open_gate

    truth = read_truth(Path(given.evaluate)) if given.evaluate else None
    gate, sources = partial(open_gate, given.voice_activity), open_sources(given.source)
    gate()
    ears = _open_ears(given)
    stop, heard, count = threading.Event(), {}, 0
    for source in sources:
        source.stop = stop
    seconds = 60 * given.minutes if given.minutes else None
    with end_by_signals(stop.set):
        sinks = _open_outlets(given, sources)
        try:
            for source, found in listen_to_all(sources, ears, gate, seconds):
                if isinstance(found, list):
                    heard[source.name] = found
                else:
                    _send(found, sinks, is_shown=truth is None)
                    count += 1
        finally:
            for sink in sinks:
                sink.close(5.0)
    LOG.info("listened to %d of %d sources: %d events", len(heard), len(sources), count)
    if truth is not None:
        sys.stdout.write(json.dumps(evaluate(truth, heard), indent=1) + "\n")
    return 0


def _send(event: dict[str, Any], sinks: Sequence[Sink], is_shown: bool) -> None:
    if is_shown:
        sys.stdout.write(escape_control(json.dumps(event, ensure_ascii=False)) + "\n")
        sys.stdout.flush()
    for sink in sinks:
        sink.send(event)


def _open_ears(given: argparse.Namespace) -> Ears:
    from cityzoo.listen.intents import IntentClassifier
    from cityzoo.listen.listening import Ears
    from cityzoo.listen.sound_detector import IGNORED, SoundDetector
    from cityzoo.listen.speech_to_text import open_plug

    detectors = tuple(
        SoundDetector(Path(run), given.threshold, given.refractory, given.ignore or IGNORED)
        for run in given.run
    )
    plug = open_plug(given.stt) if given.stt else None
    intents = IntentClassifier(Path(given.intent)) if given.intent else None
    keep = None
    if given.output:
        folder = Path(given.output)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"--output '{folder}' is not empty: choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        keep = partial(_keep, folder)
    return Ears(detectors, plug, intents, not given.no_redaction, keep)


def _keep(folder: Path, name: str, piece: Piece) -> None:
    """Write a piece of speech."""
    from cityzoo.data.audio.decode import import_soundfile
    from cityzoo.listen import RATE

    file = folder / f"{name.replace('/', '-')}-{piece.start:08.2f}s.wav"
    import_soundfile().write(file, piece.samples, RATE, subtype="PCM_16")


def _open_outlets(given: argparse.Namespace, sources: Sequence[AudioSource]) -> list[Sink]:
    from cityzoo.watch.sinks.json_lines import JsonLinesSink

    def report(event: dict[str, Any]) -> None:
        LOG.warning("WARNING: %s %s %s", event["sink"], event["what"], event.get("detail", ""))

    sinks = open_sinks(given, report)
    if given.output:
        sinks.append(JsonLinesSink(Path(given.output, "events.jsonl")))
    if given.mqtt:
        from cityzoo.watch.sinks.mqtt import MqttSink

        authority = Path(given.mqtt_ca) if given.mqtt_ca else None
        sinks.append(MqttSink(given.mqtt, [source.name for source in sources], report, authority))
    return sinks
