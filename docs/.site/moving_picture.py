"""Makes docs/images/count.gif: the quick start's page with two counts, one of which is cancelled.

From the folder of the repository: ``.venv/bin/python docs/.site/moving_picture.py``.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from tests.acceptance.browser import launched_browser  # noqa: E402
from tests.acceptance.test_readme_page import served  # noqa: E402

FRAMES, EVERY = 36, 200  # how many, and milliseconds between two


def main() -> None:
    """Take a picture of the page again and again while the tasks run."""
    frames = []
    with (
        tempfile.TemporaryDirectory() as folder,
        served("docs/quick-start.md", Path(folder)) as address,
        launched_browser() as browser,
    ):
        page = browser.new_page(viewport={"width": 640, "height": 120})
        page.goto(address)
        page.add_style_tag(
            content="body { font: 16px sans-serif; overflow: hidden } li { margin: 4px }"
        )
        for number in range(FRAMES):
            if number in (1, 5):
                page.get_by_role("button", name="Count to 100").click()
            if number == 16:
                page.get_by_role("button", name="Cancel").first.click()
            frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
            page.wait_for_timeout(EVERY)
    first, *others = [frame.quantize(32, dither=Image.Dither.NONE) for frame in frames]
    target = ROOT / "docs" / "images" / "count.gif"
    first.save(target, save_all=True, append_images=others, duration=EVERY, loop=0, optimize=True)
    print(f"{target}: {target.stat().st_size:,} bytes")  # noqa: T201


main()
