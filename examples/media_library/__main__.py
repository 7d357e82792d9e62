"""``python -m examples.media_library [FOLDER]``: start the application and say where it is."""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

import uvicorn

from examples.media_library.app import create_app
from examples.media_library.containers import Application
from examples.media_library.demo import make_demo_file
from examples.media_library.settings import (
    DATA,
    prepare_data_folder,
    settings,
    task_database_from_environment,
)

HOST = "127.0.0.1"
MAX_WEBSOCKET_MESSAGE = 64 * 1024


def main() -> None:
    arguments = parse(sys.argv[1:])
    slow = arguments.folder is None if arguments.slow is None else arguments.slow
    listener = listen(arguments.port)
    data = prepare_data_folder(arguments.data)
    container = Application()
    container.config.from_dict(
        settings(data, arguments.folder, slow=slow, task_database=arguments.database)
    )
    if arguments.folder is None:
        make_demo_file(Path(container.config.copy_source()))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    announce(listener, container, data, slow=slow)
    serve(container, listener)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.media_library",
        description="Scan a folder of media files and copy files, live in the browser.",
    )
    parser.add_argument(
        "folder", nargs="?", type=folder, help="the folder to scan (default: the sample library)"
    )
    parser.add_argument(
        "--port", type=port, default=8000, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("MEDIA_LIBRARY_DATA") or DATA,
        help="where the databases and the copies go (default: ./%(default)s)",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        type=database,
        default=task_database_from_environment(),
        help="keep the tasks in PostgreSQL: postgresql://user@host/name (default: in a file)",
    )
    parser.add_argument(
        "--slow",
        action=argparse.BooleanOptionalAction,
        help="work slowly enough to be watched (default: only with the sample library)",
    )
    return parser.parse_args(arguments)


def folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return path


def port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def database(text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise argparse.ArgumentTypeError("expected a postgresql:// URL")
    return text


def listen(port: int) -> socket.socket:
    """A listening socket: from here on the printed address can be opened."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        sys.exit(f"Port {port} cannot be used: {error.strerror}. Give another with --port.")


def announce(listener: socket.socket, container: Application, data: Path, *, slow: bool) -> None:
    address = f"http://{HOST}:{listener.getsockname()[1]}"
    pace = " (slowed down to be watched; --no-slow for full speed)" if slow else ""
    print(f"Media library: {address}")
    print(f"Scanning {container.config.folder()}{pace}")
    print(f"Keeping everything in {data}. Stop with Ctrl-C.", flush=True)


def serve(container: Application, listener: socket.socket) -> None:
    config = uvicorn.Config(
        create_app(container), log_level="warning", ws_max_size=MAX_WEBSOCKET_MESSAGE
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # The server passes it on once everything has stopped in good order.
        print("Stopped.")
