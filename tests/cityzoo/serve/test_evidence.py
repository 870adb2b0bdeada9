"""Evidence: what is kept, what is covered before, what is encrypted, and how much."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.monitor.metrics import Monitor
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.serve.evidence import Evidence
from cityzoo.serve.settings import Settings

ALARM, QUIET = {"alarm": True, "score": 3.0}, {"alarm": False, "score": 0.1}


class LeftHalf:
    """Finds a person in the left half of every image."""

    def find(self, image):
        return [Region("person", (0, 0, image.shape[1] / 2, image.shape[0]))]


@pytest.fixture
def monitor():
    made = Monitor()
    yield made
    made.close()


def files(folder):
    """Name -> content of everything in a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def about(request="r1", camera="north"):
    """Of a request."""
    return {"model": "quadrants", "version": 1, "camera": camera, "request": request}


def test_images_are_covered_before_they_are_written(tmp_path, monitor):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    evidence = Evidence(tmp_path, Redactor([LeftHalf()], "fill", 0.0), None, 60, 10**9, monitor)
    evidence.keep(image, ALARM, about())
    evidence.close()
    kept = files(tmp_path)
    (jpeg,) = [content for name, content in kept.items() if name.endswith("-north-r1.jpg")]
    stored = Image.open(io.BytesIO(jpeg))
    pixels = np.asarray(stored)
    assert np.ptp(pixels[:, :24].astype(int)) < 12  # one color, up to JPEG
    assert np.ptp(pixels[:, 40:].astype(int)) > 150
    assert not stored.getexif()
    (document,) = [json.loads(content) for name, content in kept.items() if name.endswith(".json")]
    assert (document["redacted_regions"], document["is_alarm"], document["answer"]["score"]) == (1, True, 3.0)
    assert monitor.value("redactions_total", kind="person") == 1


def test_alarms_are_all_kept_and_the_rest_once_in_a_while(tmp_path, monitor):
    evidence = Evidence(tmp_path, None, None, 3600, 10**9, monitor)
    image = np.zeros((8, 8, 3), np.uint8)
    for n, (answer, camera) in enumerate([(QUIET, "a"), (QUIET, "a"), (QUIET, "b"), (ALARM, "a")]):
        evidence.keep(image, answer, about(f"r{n}", camera))
    evidence.close()
    kept = {name.rpartition("-")[2] for name in files(tmp_path)}
    assert kept == {f"r{n}.{kind}" for n in (0, 2, 3) for kind in ("jpg", "json")}


def test_the_oldest_are_removed_beyond_the_size(tmp_path, monitor):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    evidence = Evidence(tmp_path, None, None, 0, 30_000, monitor)
    for n in range(8):
        evidence.keep(image, ALARM, about(f"r{n}"))
        evidence._writer.submit(int).result()
    evidence.close()
    kept = files(tmp_path)
    assert sum(map(len, kept.values())) <= 30_000
    assert any("r7" in name for name in kept)
    assert not any("r0." in name for name in kept)


def test_encrypted_evidence_is_read_with_the_key_alone(tmp_path, monitor):
    encryption = pytest.importorskip("cityzoo.security.encryption")
    from cityzoo.security.encryption_keys import add_encryption_key, read_encryption_keys

    add_encryption_key(tmp_path / "key")
    keys = read_encryption_keys(str(tmp_path / "key"))
    evidence = Evidence(tmp_path / "kept", None, keys, 0, 10**9, monitor)
    (tmp_path / "kept").mkdir()
    evidence.keep(np.zeros((8, 8, 3), np.uint8), ALARM, about())
    evidence.close()
    kept = sorted((tmp_path / "kept").rglob("*.enc"))
    assert len(kept) == len(files(tmp_path / "kept")) == 2
    assert not any(
        content.startswith(b"\xff\xd8") or b"alarm" in content
        for content in files(tmp_path / "kept").values()
    )
    with encryption.open_encrypted(kept[0], "rb", keys) as file:
        assert Image.open(file).size == (8, 8)


def test_a_folder_that_cannot_be_written_does_not_stop_the_server(tmp_path, monitor):
    evidence = Evidence(tmp_path / "gone", None, None, 0, 10**9, monitor)
    evidence.keep(np.zeros((8, 8, 3), np.uint8), ALARM, about())
    evidence.close()
    assert evidence.left_out == 1


class Failing:
    """Fails, as a network may."""

    def find(self, image):
        raise RuntimeError("no memory")


def test_nothing_is_stored_if_redacting_fails(tmp_path, monitor, caplog):
    evidence = Evidence(tmp_path, Redactor([Failing()]), None, 0, 10**9, monitor)
    evidence.keep(np.zeros((8, 8, 3), np.uint8), ALARM, about())
    evidence.close()
    assert files(tmp_path) == {}
    assert evidence.left_out == 1
    assert "was not kept" in caplog.text


def test_storing_faces_needs_a_word(tmp_path, monitor):
    with pytest.raises(InputError, match="--redact"):
        Evidence.from_settings(Settings(evidence=str(tmp_path)), monitor)
    assert Evidence.from_settings(Settings(), monitor) is None
    made = Evidence.from_settings(Settings(evidence=str(tmp_path / "kept"), redact="none"), monitor)
    assert made.redactor is None
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_the_server_keeps_what_it_is_asked_for(make_client, png, tmp_path):
    with make_client(evidence=str(tmp_path), redact="none", evidence_seconds=3600.0) as client:
        for _ in range(3):
            client.post("/predict?camera=south", content=png, headers={"X-Request-Id": "q1"})
    assert [name.partition("-")[2] for name in files(tmp_path)] == ["south-q1.jpg", "south-q1.json"]
