"""The pictures, tags and the broken file of the sample library; ``make_samples.sh`` runs it."""

import math
from pathlib import Path
from typing import Any

import mutagen.id3
import mutagen.wave
from PIL import Image, ImageDraw

ARTIST, COPYRIGHT, DESCRIPTION, MAKE, MODEL, EXIF_IFD = 315, 33432, 270, 271, 272, 0x8769
TAKEN = 36867


def blend(
    size: tuple[int, int], top: tuple[int, int, int], end: tuple[int, int, int]
) -> Image.Image:
    """A vertical gradient between two colours."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for y in range(size[1]):
        part = y / (size[1] - 1)
        colour = tuple(round(a + (b - a) * part) for a, b in zip(top, end, strict=True))
        draw.line([(0, y), (size[0], y)], fill=colour)
    return image


def sunset() -> None:
    image = blend((960, 640), (45, 38, 92), (255, 158, 94))
    draw = ImageDraw.Draw(image)
    draw.ellipse([390, 330, 570, 510], fill=(255, 231, 170))
    for x in range(960):
        ridge = 500 + 40 * math.sin(x / 90) + 18 * math.sin(x / 31)
        draw.line([(x, ridge), (x, 640)], fill=(38, 28, 58))
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ARTIST] = "Computed Sunset", "The bgtasks authors"
    exif[MAKE], exif[MODEL], exif[COPYRIGHT] = "Example", "Gradient One", "CC0 1.0"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "2026:01:02 17:45:00"
    image.save("Pictures/Computed Sunset.jpg", quality=82, exif=exif)


def plot() -> None:
    image = Image.new("RGB", (800, 450), (250, 250, 252))
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate([(52, 101, 204), (214, 69, 80), (26, 152, 110)], start=1):
        points = [
            (x, 225 - 170 * math.exp(-x / 500) * math.sin(index * x / 60)) for x in range(800)
        ]
        draw.line(points, fill=colour, width=3)
    image.save("Pictures/Damped Waves.png", optimize=True)


def rings() -> None:
    image = blend((640, 640), (14, 116, 144), (8, 47, 73))
    draw = ImageDraw.Draw(image)
    for radius in range(300, 20, -40):
        draw.ellipse(
            [320 - radius, 320 - radius, 320 + radius, 320 + radius],
            outline=(165, 243, 252),
            width=6,
        )
    image.save("Pictures/Rings.webp", quality=70)


def orbit() -> None:
    frames = []
    for step in range(24):
        frame = Image.new("P", (200, 200), 0)
        frame.putpalette([17, 24, 39, 250, 204, 21, 96, 165, 250])
        draw = ImageDraw.Draw(frame)
        x, y = 100 + 70 * math.cos(step * math.tau / 24), 100 + 70 * math.sin(step * math.tau / 24)
        draw.ellipse([80, 80, 120, 120], fill=1)
        draw.ellipse([x - 10, y - 10, x + 10, y + 10], fill=2)
        frames.append(frame)
    frames[0].save(
        "Pictures/Orbit.gif", save_all=True, append_images=frames[1:], duration=80, loop=0
    )


def tag_wave() -> None:
    # ffmpeg writes RIFF INFO into WAV files; most programs look for ID3.
    formats: Any = mutagen
    wave = formats.wave.WAVE("Music/The Oscillators/03 Square Dance.wav")
    wave.add_tags()
    wave.tags.add(formats.id3.TIT2(text="Square Dance"))
    wave.tags.add(formats.id3.TPE1(text="The Oscillators"))
    wave.tags.add(formats.id3.TALB(text="Waveforms"))
    wave.save()


def broken() -> None:
    # Cut soon after its tag: there is no sound left in it, as after a download that broke off.
    whole = Path("Music/Sine & Sons/02 Rising.mp3").read_bytes()
    Path("Music/Sine & Sons/05 Broken Off.mp3").write_bytes(whole[:150])


for make in (sunset, plot, rings, orbit, tag_wave, broken):
    make()
