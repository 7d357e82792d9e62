"""``python -m examples.shop``: start the shop and say where it is."""

import argparse
import logging
import socket
from pathlib import Path

import uvicorn

from examples.shop.app import create_app
from examples.shop.containers import Application
from examples.shop.settings import settings

HOST = "127.0.0.1"
MAX_WEBSOCKET_MESSAGE = 64 * 1024


def main() -> None:
    arguments = parse()
    container = Application()
    container.config.from_dict(
        settings(arguments.data, task_database=arguments.database, pause=arguments.pause)
    )
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config = uvicorn.Config(
        create_app(container), log_level="warning", ws_max_size=MAX_WEBSOCKET_MESSAGE
    )
    listener = socket.create_server((HOST, arguments.port))
    print(f"Shop: http://{HOST}:{listener.getsockname()[1]}", flush=True)
    print("Log in as ada, bob (customers) or grace (runs the shop); the password is the name.")
    uvicorn.Server(config).run(sockets=[listener])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.shop", description="A shop whose work is done in the background."
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("shop-data"),
        help="where databases, exports and mails go (default: ./%(default)s)",
    )
    parser.add_argument(
        "--database", metavar="URL", help="keep the tasks in PostgreSQL (default: in a file)"
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=0.2,
        help="seconds after each row of an export, to watch it (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
