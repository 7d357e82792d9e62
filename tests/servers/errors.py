"""What goes wrong with a server.

ServerError
├── ServerMissingError
│   ├── PostgresMissingError
│   └── ValkeyMissingError
├── ServerStartError
├── ServerStopError
└── SqlError
"""


class ServerError(Exception):
    """The root of this package's errors."""


class ServerMissingError(ServerError):
    """A server this machine cannot have; a test that needs it may be skipped."""


class PostgresMissingError(ServerMissingError):
    """No PostgreSQL binaries, or none that the current user may run."""


class ValkeyMissingError(ServerMissingError):
    """No Valkey binary."""


class ServerStartError(ServerError):
    """The server is there, and does not start: the message has the tail of its log."""


class ServerStopError(ServerError):
    """The server was told to stop, and did not."""


class SqlError(ServerError):
    """A statement about a whole database failed."""
