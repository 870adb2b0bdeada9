"""Masking of text: what has to go, what has to stay, and that no text takes long."""

import subprocess
import sys
import time

import pytest

from cityzoo.data.text.personal_data import mask_text

MASKED = {
    "plate": """B-AB 1234|M AB 123|HH-XY 9E|AB12 CDE|AB-123-CD|AB 123 CD|1234 BCD|12-ABC-3|GB-123-X|7ABC123|
        MH 12 AB 1234|license plate: ABC-1234|plate no. WA 12345|Kennzeichen: b-xy 77|plate abc123""",
    "phone": """+49 171 2345678|+1 (555) 123-4567|0049 30 1234567|030/1234567|0171 2345678|(030) 123 45 67|
        01 23 45 67 89|01.23.45.67.89|555-234-4567|(555) 234-4567|tel. 1234567|Phone: 44 55 66 77|call me at 5551234""",
    "id": """DE89 3704 0044 0532 0130 00|GB82WEST12345698765432|4111 1111 1111 1111|378282246310005|123-45-6789|
        WVWZZZ1JZXW000001|passport no. C01X00T47|Ausweis: L01X00T471|tax id-nr 12 345 678 901|DNI 12345678Z""",
    "email": "a.b+c@d-e.co.uk|anna@example.org",
    "name": """Mr Smith|Mrs. Anna-Lena O'Brien|Frau Dr. Weber|Herr von der Leyen|my name is Ana Silva|
        Name: Peter Müller|Señora García López|je m'appelle Élodie Durand""",
}
KEPT = """
    2026-11-29|2026-11-29T12:30:01.123Z|2026-11-29 12:30:00,123|29.11.2026 12:30|11/29/2026|1/2/26|29-NOV-26|12:30:59
    08:00-20:00|1,299.00 EUR|1.299,00 €|€1200|1200 EUR|1200 USD|3000 GBP|5000 CHF|1230 UTC|0600 GMT|1 200 000 vehicles
    A9|A 9|the A100 near|B96|M25 J12|E 45|US-101|I-95|Route 66|RN 7|K 5301|L3004
    192.168.0.1|10.0.0.255:8080|192.168.100.100/24|3f2c8a10-1234-4abc-9def-0123456789ab|1764419000.123|1764419000123
    1764419000123456789|deadbeef0123456789|ISO 9001|EN 12464|RFC 7231|HTTP 404|COVID-19|SHA-256|CO2|PM10|NO2 40|H264
    AES-256-GCM|AP50 RUN|67 plates and 46 %|plates 12 and 13|plate 3 of 7
    CAM-001|cam_12|camera id: 42|request id 12345678|Bus 123|mobilenet_075|0.0123456789|52.520008, 13.404954|3.15.1
    GET /v2/models/detector/versions/3 200 12ms|[29/Nov/2026:12:30:01 +0000] "GET / HTTP/1.1" 200 1234|1920 1080 30
    name of the road|class name: car|between 100 and 200 cars|10115 Berlin|Hauptstr. 12a|06:15 07:15|4111 1111 1111 1112
"""


def examples(text):
    return [each.strip() for each in text.strip().replace("\n", "|").split("|") if each.strip()]


@pytest.mark.parametrize("kind", MASKED)
def test_personal_data_is_replaced_by_its_kind(kind):
    """Alone, within a sentence and at its end; nothing of the number is left."""
    for found in examples(MASKED[kind]):
        for text in (found, f"x {found} y", f"Today, {found}."):
            masked = mask_text(text)
            assert f"[{kind}]" in masked, text
            assert not any(part in masked for part in found.split() if part[-1].isdigit()), masked


def test_what_identifies_nobody_stays():
    """Dates, times, prices, roads, addresses of the internet, identifiers, versions, a wrong check digit."""
    for text in examples(KEPT):
        assert mask_text(text) == text
        assert mask_text(f"At {text}, then") == f"At {text}, then"


def test_names_of_a_list_go_in_any_case():
    """Whole words only."""
    assert (
        mask_text("ANA  SILVA met Anaconda and ana.", names=["Ana Silva", "Ana", " "])
        == "[name] met Anaconda and [name]."
    )


@pytest.mark.parametrize(
    "part", ["a", "0", "A-", "1-", "a.", "a.a-", "plate ", "Mr ", "A ", "+1 ", "(", "a@"]
)
def test_no_text_takes_long(part):
    """Time grows with the length, whatever the text."""
    started = time.process_time()
    mask_text(part * (50_000 // len(part)))
    assert time.process_time() - started < 2


def test_masking_text_needs_only_the_standard_library():
    """A log formatter imports it."""
    script = "import sys, cityzoo.data.text.personal_data as _; sys.exit(bool({'cv2', 'tensorflow'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
