"""The front end of the example shop, built as ``npm run build`` does it in its folder."""

import shutil
from pathlib import Path

from .node import CLIENT, installed

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def shop_checkout(folder: Path) -> Path:
    """A copy of the front end's sources in ``folder``, beside the installed packages."""
    web = folder / "shop" / "web"
    shutil.copytree(SHOP / "web", web, ignore=shutil.ignore_patterns("node_modules"))
    modules = web / "node_modules"
    modules.mkdir()
    for package in installed().iterdir():
        if not package.name.startswith("bgtasks-"):
            (modules / package.name).symlink_to(package)
    shutil.copytree(CLIENT, modules / "bgtasks-client", ignore=shutil.ignore_patterns("src"))
    return web
