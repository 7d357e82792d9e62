"""The package as npm packs it, and what it adds to a bundle."""

import gzip
import json
import re
from pathlib import Path

import pytest

from .node import CLIENT, run
from .recipes import HOW_TO, build, project

pytestmark = pytest.mark.node

USES = {
    "bgtasks-client": 'export { connect } from "bgtasks-client";',
    "bgtasks-client/store": 'export * from "bgtasks-client/store";',
    "bgtasks-client/react": 'export { createHooks } from "bgtasks-client/react";',
}

CONFIG = """\
export default {
  build: {
    lib: { entry: "main.js", formats: ["es"], fileName: "main" },
    minify: true,
    rollupOptions: { external: ["react", "socket.io-client"] },
  },
};
"""


def test_npm_packs_what_is_built_and_nothing_else(tmp_path: Path) -> None:
    packed = run(tmp_path, "npm", "pack", "--json", str(CLIENT))
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("bgtasks-client-*.tgz")
    unpacked = run(tmp_path, "tar", "-xzf", archive.name)
    assert unpacked.returncode == 0, unpacked.stderr
    package = tmp_path / "package"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert {"package.json", "README.md", "LICENSE", "dist/index.js", "dist/react.d.ts"} <= found
    assert not [name for name in found if name.startswith(("src/", "node_modules/"))]
    exports = json.loads((package / "package.json").read_text())["exports"].values()
    assert {path.removeprefix("./") for export in exports for path in export.values()} <= found


def test_bundles_are_as_small_as_the_page_says(tmp_path: Path) -> None:
    """Beside React and Socket.IO. Shown with ``pytest -s``."""
    page = (HOW_TO / "react.md").read_text("utf-8")
    said = {
        name: float(size) for name, size in re.findall(r"^\| `(\S+)` \| ([\d.]+) kB", page, re.M)
    }
    assert said.keys() == USES.keys()
    for number, (name, code) in enumerate(USES.items()):
        more = {"main.js": code, "vite.config.js": CONFIG}
        folder = project(tmp_path / str(number), "react.md", **more)
        build(folder)
        (bundle,) = (folder / "dist").glob("*.js")
        size = len(gzip.compress(bundle.read_bytes())) / 1000
        print(f"{name}: {size:.1f} kB gzipped")
        assert size <= said[name]
