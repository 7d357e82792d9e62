"""The user a server runs as: PostgreSQL refuses to be root."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.servers.errors import PostgresMissingError

NOBODY = 65534

PROBE = ': > "$1/probe" && "$2" -I -S -c "" && exec "$3" --show -D "$1/data" -U postgres'
"""Write where the data will be, run Python, and have initdb look for all it needs."""


@dataclass(frozen=True)
class Account:
    """How to run a command as a user whom PostgreSQL accepts."""

    prefix: tuple[str, ...] = ()
    owns_folder: bool = False
    """Whether this is another user outside too, who has to be given the folder."""


NAMESPACE = Account(("unshare", "--user", f"--map-user={NOBODY}"))
"""Root under another number: what it writes is root's, seen from outside."""

SETPRIV = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
NOBODY_WHO_GETS_EVERYWHERE = Account(
    (
        *SETPRIV,
        # Nobody may not look into root's home or into pytest's temporary folders.
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ),
    owns_folder=True,
)
PLAIN_NOBODY = Account(SETPRIV, owns_folder=True)

ACCOUNTS = (NAMESPACE, NOBODY_WHO_GETS_EVERYWHERE, PLAIN_NOBODY)


def account_for(folder: Path, initdb: Path) -> Account:
    """The first way that works here; the current user unless that is root."""
    if os.geteuid() != 0:
        return Account()
    failures = []
    for account in ACCOUNTS:
        failure = failure_of(account, folder, initdb)
        if failure is None:
            return account
        failures.append(f"{' '.join(account.prefix)}: {failure}")
    raise PostgresMissingError(
        "PostgreSQL does not run as root, and no way to run it as another user works here:\n"
        + "\n".join(failures)
    )


def failure_of(account: Account, folder: Path, initdb: Path) -> str | None:
    """Why the account cannot run PostgreSQL in the folder; None when it can."""
    if shutil.which(account.prefix[0]) is None:
        return "not installed"
    before = folder.stat()
    if account.owns_folder:
        os.chown(folder, NOBODY, NOBODY)
    tried = subprocess.run(
        [*account.prefix, "sh", "-c", PROBE, "sh", folder, sys.executable, initdb],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    (folder / "probe").unlink(missing_ok=True)
    if tried.returncode == 0:
        return None
    os.chown(folder, before.st_uid, before.st_gid)
    return tried.stderr.strip() or f"exit code {tried.returncode}"
