"""The file that is there to be copied: large enough that the copy can be watched."""

import array
import math
import sys
import wave
from pathlib import Path

RATE = 44_100
CHANNELS = 2


def make_demo_file(path: Path, seconds: int = 180) -> None:
    """Write ``seconds`` of a soft A as a WAV file, unless it is there: 32 MB for 3 minutes."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under another name until it is whole, so that a start that was cut off leaves no half file.
    part = path.with_suffix(".part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(CHANNELS)
        file.setsampwidth(2)
        file.setframerate(RATE)
        second = _one_second()
        for _ in range(seconds):
            file.writeframes(second)
    part.replace(path)


def _one_second() -> bytes:
    """440 whole waves, so that the seconds join without a click."""
    samples = array.array("h")
    for index in range(RATE):
        value = round(9000 * math.sin(2 * math.pi * 440 * index / RATE))
        samples.extend([value] * CHANNELS)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
