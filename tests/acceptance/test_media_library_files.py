"""The example's own parts, without a task in sight: reading media, finding it, copying files."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from examples.media_library.copying import SpeedMeter
from examples.media_library.demo import make_demo_file
from examples.media_library.files import CopyRefusedError, copy, part_path, plan_copy
from examples.media_library.media import MediaReader, UnreadableMediaError, clean_text
from examples.media_library.scan import find_media
from examples.media_library.settings import SAMPLE_LIBRARY

BROKEN = "Music/Sine & Sons/05 Broken Off.mp3"
AUDIO = [
    ("Music/Sine & Sons/01 A Major Morning.mp3", "A Major Morning", "Pure Tones", 6.0),
    ("Music/Sine & Sons/02 Rising.mp3", "Rising", "Pure Tones", 5.0),
    ("Music/Sine & Sons/03 Tremolo at Noon.ogg", "Tremolo at Noon", "Pure Tones", 7.0),
    ("Music/Sine & Sons/04 Vibrato Lullaby.m4a", "Vibrato Lullaby", "Pure Tones", 4.0),
    ("Music/The Oscillators/01 Pluck.flac", "Pluck", "Waveforms", 4.0),
    ("Music/The Oscillators/02 Sawtooth Café.opus", "Sawtooth Café", "Waveforms", 5.0),
    ("Music/The Oscillators/03 Square Dance.wav", "Square Dance", "Waveforms", 3.0),
]


# ---- Reading ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "title", "album", "seconds"), AUDIO)
def test_tags_and_duration_of_every_kind_of_sound(
    name: str, title: str, album: str, seconds: float
) -> None:
    facts = MediaReader().read(SAMPLE_LIBRARY / name)
    assert (facts.kind, facts.title, facts.album) == ("audio", title, album)
    assert facts.artist == Path(name).parent.name
    assert facts.duration_seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Computed Sunset.jpg", (960, 640)),
        ("Damped Waves.png", (800, 450)),
        ("Orbit.gif", (200, 200)),
        ("Rings.webp", (640, 640)),
    ],
)
def test_size_of_every_kind_of_picture(name: str, size: tuple[int, int]) -> None:
    facts = MediaReader().read(SAMPLE_LIBRARY / "Pictures" / name)
    assert (facts.kind, facts.width, facts.height) == ("image", *size)


def test_what_the_camera_wrote_into_a_picture() -> None:
    facts = MediaReader().read(SAMPLE_LIBRARY / "Pictures/Computed Sunset.jpg")
    assert (facts.title, facts.camera) == ("Computed Sunset", "Example Gradient One")
    assert str(facts.taken_at) == "2026-01-02 17:45:00"


@pytest.mark.parametrize(
    ("name", "form", "seconds", "size"),
    [
        ("Test Pattern.mp4", "MPEG-4 · AVC", 3.0, (320, 180)),
        ("Into the Mandelbrot Set.mkv", "Matroska · VP9", 2.5, (256, 144)),
    ],
)
def test_films(name: str, form: str, seconds: float, size: tuple[int, int]) -> None:
    facts = MediaReader().read(SAMPLE_LIBRARY / "Videos" / name)
    assert (facts.kind, facts.title, facts.format) == ("video", Path(name).stem, form)
    assert facts.duration_seconds == pytest.approx(seconds, abs=0.1)
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a", ".wav", ".jpg", ".mkv"])
@pytest.mark.parametrize("content", [b"", b"\0", b"no media at all" * 99, b"ID3\4\0\0\x7f\x7f"])
def test_a_damaged_file_is_refused_with_a_reason(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(UnreadableMediaError, match=r"\w"):
        MediaReader().read(path)


def test_a_name_that_is_no_text_can_be_read(tmp_path: Path) -> None:
    for suffix, sample in ((".mp4", "Videos/Test Pattern.mp4"), (".mp3", AUDIO[0][0])):
        path = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9" + suffix.encode()))
        shutil.copy(SAMPLE_LIBRARY / sample, path)
        assert MediaReader().read(path).duration_seconds


def test_text_from_a_file_is_made_storable() -> None:
    assert clean_text("a\0b\udcff\n c") == "a b? c"
    assert len(clean_text("x" * 100_000)) == 500


def test_the_demo_file_is_a_playable_film_of_its_length(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "tone.wav"
    make_demo_file(path, seconds=2)
    assert MediaReader().read(path).duration_seconds == 2.0
    before = path.stat().st_mtime_ns
    make_demo_file(path, seconds=2)
    assert path.stat().st_mtime_ns == before


# ---- Finding ------------------------------------------------------------------------------


def test_finds_media_only_and_in_order(tmp_path: Path) -> None:
    for name in ("b/2.mp3", "b/notes.txt", "a/1.JPG", "3.mkv", "b/c/4.ogg", "b/d.mp3/5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_media(tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in found.files]
    assert names == ["3.mkv", "a/1.JPG", "b/2.mp3", "b/c/4.ogg", "b/d.mp3/5.png"]
    assert found.complete


def test_links_are_not_followed_so_a_loop_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.mp3").symlink_to("/dev/zero")
    (tmp_path / "real.mp3").touch()
    assert [path.name for path in find_media(tmp_path).files] == ["real.mp3"]


def test_a_folder_that_cannot_be_opened_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.mp3").touch()
    scandir = os.scandir

    def scan_or_refuse(folder: Path) -> Any:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    # The operating system is patched: for root, who may run this, no folder is closed.
    monkeypatch.setattr(os, "scandir", scan_or_refuse)
    found = find_media(tmp_path)
    assert (len(found.files), found.closed_folders, found.complete) == (1, 1, False)


def test_the_walk_is_bounded(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.mp3").touch()
    found = find_media(tmp_path, most=3)
    assert (len(found.files), found.cut_off) == (3, True)


def test_the_walk_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "1.mp3").touch()
    assert find_media(tmp_path, stop=lambda: True).files == []


# ---- Copying ------------------------------------------------------------------------------


def nothing(_path: Path, _size: int) -> None:
    """A report that nobody reads."""


def run_copy(
    source: Path, destination: Path, report: Callable[[Path, int], None] = nothing
) -> None:
    copy(plan_copy(source, destination), "key", report, chunk_bytes=10)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "deep" / "empty").mkdir(parents=True)
    (root / "a.bin").write_bytes(b"a" * 25)
    (root / "deep" / "none.bin").touch()
    (root / "deep" / "b.bin").write_bytes(b"b" * 40)
    (root / "link").symlink_to("deep/b.bin")
    (root / "lost").symlink_to("/nowhere")
    os.utime(root / "a.bin", (1_000_000_000, 1_000_000_000))
    (root / "deep").chmod(0o555)
    return root


def test_a_file_is_copied_whole_with_its_time(tree: Path, tmp_path: Path) -> None:
    reported: list[int] = []
    run_copy(tree / "a.bin", tmp_path / "copy", lambda _path, size: reported.append(size))
    assert (tmp_path / "copy").read_bytes() == b"a" * 25
    assert (tmp_path / "copy").stat().st_mtime == 1_000_000_000
    assert (tmp_path / "copy").stat().st_nlink == 1
    assert reported == [10, 10, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "tree"]


def test_a_tree_is_copied_with_links_and_empty_things(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    run_copy(tree, target)
    assert (target / "deep" / "b.bin").read_bytes() == b"b" * 40
    assert (target / "deep" / "none.bin").read_bytes() == b""
    assert (target / "deep" / "empty").is_dir()
    assert (target / "link").readlink() == Path("deep/b.bin")
    assert (target / "lost").readlink() == Path("/nowhere")
    assert (target / "deep").stat().st_mode & 0o777 == 0o555
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "tree"]


def test_nothing_is_left_of_a_copy_that_ends_early(tree: Path, tmp_path: Path) -> None:
    def stop(path: Path, _size: int) -> None:
        if path.name == "b.bin":
            assert len(list(tmp_path.iterdir())) == 2
            raise InterruptedError("enough")

    for source in (tree, tree / "deep" / "b.bin"):
        with pytest.raises(InterruptedError):
            run_copy(source, tmp_path / "copy", stop)
        assert list(tmp_path.iterdir()) == [tree]


def test_what_a_killed_attempt_left_is_replaced(tree: Path, tmp_path: Path) -> None:
    part = part_path(tmp_path / "copy", "key")
    shutil.copytree(tree, part, symlinks=True)
    run_copy(tree / "a.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"a" * 25
    assert not part.exists()


def test_an_existing_destination_is_refused_before_anything_is_written(
    tree: Path, tmp_path: Path
) -> None:
    for taken in ("file", "folder", "link"):
        destination = tmp_path / taken
        if taken == "file":
            destination.write_text("mine")
        elif taken == "folder":
            destination.mkdir()
        else:
            destination.symlink_to("/nowhere")
        with pytest.raises(CopyRefusedError, match="exists already; it is not overwritten"):
            plan_copy(tree, destination)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("what", ["tree", "tree/a.bin"])
def test_a_destination_that_appears_meanwhile_is_not_overwritten(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)

    def intrude(_path: Path, _size: int) -> None:
        (tmp_path / "copy").write_text("theirs")

    with pytest.raises(CopyRefusedError, match="made by somebody else meanwhile"):
        run_copy(tmp_path / what, tmp_path / "copy", intrude)
    assert (tmp_path / "copy").read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "tree"]


def no_links(_source: Path, _target: Path) -> None:
    """Stands for a file system without hard links, which this machine need not have."""
    raise PermissionError(1, "Operation not permitted")


def test_a_file_system_without_links_will_do(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    run_copy(tree / "a.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"a" * 25


def test_a_source_that_changes_meanwhile_is_noticed(tree: Path, tmp_path: Path) -> None:
    def grow(path: Path, _size: int) -> None:
        if path.stat().st_size < 100:
            with path.open("ab") as file:
                file.write(b"more")

    with pytest.raises(CopyRefusedError, match="was changed while it was copied"):
        run_copy(tree / "a.bin", tmp_path / "copy", grow)
    assert list(tmp_path.iterdir()) == [tree]


@pytest.mark.parametrize("inside", ["copy", "deep/empty/copy"])
def test_a_tree_is_not_copied_into_itself(tree: Path, inside: str) -> None:
    with pytest.raises(CopyRefusedError, match="cannot be copied into itself"):
        plan_copy(tree, tree / inside)


def test_a_tree_is_not_copied_into_itself_by_another_way(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(tree)
    with pytest.raises(CopyRefusedError, match="cannot be copied into itself"):
        plan_copy(tree, tmp_path / "alias" / "copy")


def test_a_file_may_be_copied_beside_itself(tree: Path) -> None:
    run_copy(tree / "a.bin", tree / "a (2).bin")
    assert (tree / "a (2).bin").read_bytes() == b"a" * 25


def test_links_and_devices_are_refused_as_source(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(CopyRefusedError, match="is a symbolic link; give what it points to"):
        plan_copy(tree / "link", tmp_path / "copy")
    with pytest.raises(CopyRefusedError, match="neither a file nor a folder"):
        plan_copy(Path("/dev/zero"), tmp_path / "copy")
    os.mkfifo(tree / "pipe")
    with pytest.raises(CopyRefusedError, match="pipe is neither a file nor a folder"):
        plan_copy(tree, tmp_path / "copy")


def test_paths_that_lead_nowhere_are_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        plan_copy(tmp_path / "missing", tmp_path / "copy")
    with pytest.raises(CopyRefusedError, match="is not a folder; make it first"):
        plan_copy(tree, tmp_path / "missing" / "copy")
    with pytest.raises(CopyRefusedError, match="not an absolute path"):
        plan_copy(Path("tree"), tmp_path / "copy")


def test_a_disk_that_is_too_small_is_noticed_first(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=64)
    # Stands for a small disk.
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(CopyRefusedError, match=r"needs 65 bytes.*only 64 are free"):
        plan_copy(tree, tmp_path / "copy")


def test_the_longest_name_can_be_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("text")
    run_copy(source, tmp_path / ("ä" * 127))
    assert (tmp_path / ("ä" * 127)).read_text() == "text"


def test_the_speed_is_that_of_the_last_seconds() -> None:
    meter = SpeedMeter(started_at=100.0)
    assert meter.after(100.0, 0) is None
    assert meter.after(101.0, 500) == 500
    for second in range(2, 12):
        speed = meter.after(100.0 + second, 500 + (second - 1) * 2000)
    assert speed == 2000
