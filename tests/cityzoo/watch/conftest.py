"""Videos whose frames say their number by their brightness, with any times."""

from fractions import Fraction

import numpy as np
import pytest

from tests.cityzoo.redact.conftest import white_cells

__all__ = ["white_cells"]


def write_video(path, times, size_hw=(32, 48), codec="mpeg4"):
    """Write an MP4 whose frame i has brightness 10 i modulo 250 and the i-th time, in seconds."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "5", "bf": "0"})
        stream.height, stream.width = size_hw
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        for index, seconds in enumerate(times):
            image = np.full((*size_hw, 3), 10 * index % 250, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
