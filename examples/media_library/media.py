"""Reading what a media file says about itself: MediaInfo for sound and films,
Pillow for pictures. Nothing here knows of tasks or of the database.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from attrs import frozen
from PIL import ExifTags, Image
from pymediainfo import MediaInfo

LONGEST_TEXT = 500

_AUDIO = {".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".wav", ".aiff", ".wma"}
_IMAGE = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"}
_VIDEO = {".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".mpg", ".mpeg", ".ts", ".wmv"}


class UnreadableMediaError(Exception):
    """The file is no media file, or a damaged one; the message says what was wrong with it."""


@frozen(kw_only=True)
class MediaFacts:
    """What was found in one file; what it didn't say is ``None``."""

    kind: str
    format: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    taken_at: datetime | None = None
    camera: str | None = None


def kind_of(path: Path) -> str | None:
    """``"audio"``, ``"image"``, ``"video"``, or ``None`` for a file that is none of these."""
    suffix = path.suffix.lower()
    for kind, suffixes in (("audio", _AUDIO), ("image", _IMAGE), ("video", _VIDEO)):
        if suffix in suffixes:
            return kind
    return None


class MediaReader:
    """Reads one file at a time. Blocks, so an async caller asks for it in a thread."""

    def read(self, path: Path) -> MediaFacts:
        """The facts of ``path``. Raises UnreadableMediaError, or OSError if it can't be opened."""
        read = _READERS.get(kind_of(path) or "")
        if read is None:
            raise UnreadableMediaError(f"{path.suffix or 'a file without suffix'} is not read here")
        # Opened here and not by the libraries: file names in any encoding are then no matter.
        with path.open("rb") as file:
            try:
                return read(file)
            except UnreadableMediaError:
                raise
            except Exception as error:
                # Damaged files make the parsers fail in every way there is; one file that
                # can't be read must not end the scan of a hundred thousand others.
                reason = str(error) or "the file is damaged or cut off"
                raise UnreadableMediaError(clean_text(reason)) from error


def clean_text(value: object) -> str:
    """Text from a file that may be anybody's: storable, printable, of a bounded length."""
    text = str(value).encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join(text.split())[:LONGEST_TEXT]


def _read_image(file: BinaryIO) -> MediaFacts:
    with Image.open(file) as image:
        exif = image.getexif()
        taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        names = [exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)]
        return MediaFacts(
            kind="image",
            format=image.format or "image",
            title=_text(exif.get(ExifTags.Base.ImageDescription)),
            artist=_text(exif.get(ExifTags.Base.Artist)),
            width=image.width,
            height=image.height,
            taken_at=_exif_time(taken),
            camera=_text(" ".join(clean_text(name) for name in names if name)),
        )


def _exif_time(value: object) -> datetime | None:
    try:
        # EXIF writes the wall clock of the camera, without saying where that hung.
        return datetime.strptime(str(value), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None


def _read_audio(file: BinaryIO) -> MediaFacts:
    return _read_tracks(file, "audio", "Audio")


def _read_video(file: BinaryIO) -> MediaFacts:
    return _read_tracks(file, "video", "Video")


def _read_tracks(file: BinaryIO, kind: str, track_type: str) -> MediaFacts:
    tracks = MediaInfo.parse(file).tracks
    general = next((track for track in tracks if track.track_type == "General"), None)
    track = next((track for track in tracks if track.track_type == track_type), None)
    if general is None or track is None:
        raise UnreadableMediaError(f"no {kind} found in it; the file is damaged or something else")
    duration = _positive(general.duration or track.duration)
    formats = dict.fromkeys(name for name in (general.format, track.format) if name)
    return MediaFacts(
        kind=kind,
        format=" · ".join(clean_text(name) for name in formats),
        title=_text(general.title or general.movie_name),
        artist=_text(general.performer or general.director),
        album=_text(general.album),
        duration_seconds=None if duration is None else duration / 1000,
        width=track.width,
        height=track.height,
    )


def _text(value: object) -> str | None:
    return (clean_text(value) or None) if value else None


def _positive(value: object) -> float | None:
    number = float(value) if isinstance(value, (int, float, str)) else 0.0
    return number if 0 < number < float("inf") else None


_READERS: dict[str, Callable[[BinaryIO], MediaFacts]] = {
    "audio": _read_audio,
    "image": _read_image,
    "video": _read_video,
}
