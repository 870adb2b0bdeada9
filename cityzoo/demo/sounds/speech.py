"""Speech by espeak-ng, where it is installed: one voice per speaker."""

from __future__ import annotations

import io
import logging
import shutil
import subprocess

import numpy as np

from cityzoo.demo.sounds import RATE

LOG = logging.getLogger(__name__)
PROGRAM = "espeak-ng"
SPEAKERS = {  # voices of train and of val; of espeak-ng's variants, those that are easily understood
    "train": ("en-us+f2", "en-us+m3", "en-gb+m1", "en-gb+f3", "en-us+f4", "en-gb-scotland+m7", "en-us+m5", "en-gb+f1",
              "en-us+linda", "en-gb+john"),
    "val": ("en-us+f5", "en-gb+m4", "en-us+steph", "en-gb-x-rp+m2"),
}  # fmt: skip
LANGUAGES = {"en": "en-us", "de": "de", "es": "es", "tr": "tr"}  # voices
SPEED = 150  # words per minute
PITCH = 50  # 0 to 99, within the range of a voice
SILENT = 0.02  # of the largest value: quieter ends are cut off


def has_speech() -> bool:
    """Return whether speech can be made; if not, one line says so."""
    if shutil.which(PROGRAM) is None:
        LOG.warning("%s is not installed: speech is left out (apt install %s)", PROGRAM, PROGRAM)
        return False
    return True


def speak(text: str, voice: str, speed: int = SPEED, pitch: int = PITCH) -> np.ndarray:
    """Return a spoken text at 16 kHz, (N,) float64, -1 to 1, without silence around it.

    Args:
        text: what is spoken.
        voice: language and variant of espeak-ng, such as "en-us+f2".
        speed: words per minute.
        pitch: 0 to 99.

    Raises:
        OSError: espeak-ng is not there, or fails.
    """
    import soundfile
    from scipy.signal import resample_poly

    command = [PROGRAM, "--stdout", "-v", voice, "-s", str(speed), "-p", str(pitch), "--", text]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if ran.returncode or not ran.stdout:
        raise OSError(f"{PROGRAM} -v {voice}: {ran.stderr.decode(errors='replace').strip()[:200]}")
    sound, rate = soundfile.read(io.BytesIO(ran.stdout))
    sound = resample_poly(sound, RATE, rate)
    loud = np.flatnonzero(np.abs(sound) > SILENT * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound
