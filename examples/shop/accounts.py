"""Who is logged in, and which tasks they may see: one class of users for both."""

import asyncio

from attrs import frozen
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.requests import HTTPConnection

from bgtasks import BackgroundTaskPolicy, Requester
from examples.shop.database import Database, User
from examples.shop.passwords import hashed, is_right

NOBODY = hashed("")


@frozen
class ShopUser(BaseUser):
    """Somebody who is logged in. Their name is the owner of their tasks."""

    name: str
    is_admin: bool

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        return self.name


class Accounts:
    """Looks users up in the shop's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> ShopUser | None:
        """The user with this name."""
        found = await self._row(name)
        return None if found is None else ShopUser(found.name, found.is_admin)

    async def check(self, name: str, password: str) -> ShopUser | None:
        """The user, if this is the password. A name that is unknown takes as long as a wrong
        password."""
        found = await self._row(name)
        kept = NOBODY if found is None else found.password
        if not await asyncio.to_thread(is_right, password, kept) or found is None:
            return None
        return ShopUser(found.name, found.is_admin)

    async def _row(self, name: str) -> User | None:
        async with self._database.session() as session:
            return await session.get(User, name)


class SessionLogin(AuthenticationBackend):
    """Sets ``request.user`` from the session's cookie: for the shop's routes, and for what is
    mounted beside them, the websocket included."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, ShopUser] | None:
        """See :class:`AuthenticationBackend`."""
        name = conn.session.get("user")
        user = await self._accounts.find(name) if name else None
        return None if user is None else (AuthCredentials(["user"]), user)


class ShopPolicy(BackgroundTaskPolicy):
    """Customers see their own tasks; who runs the shop sees all of them, and controls them."""

    async def visible_owners(self, requester: Requester) -> frozenset[str | None] | None:
        """Whose tasks are shown."""
        if _is_admin(requester):
            return None
        return frozenset({requester.identity}) if requester.user else frozenset()

    async def can_control(self, requester: Requester) -> bool:
        """Pausing, schedules."""
        return _is_admin(requester)

    async def can_see_statistics(self, requester: Requester) -> bool:
        """What the dashboard counts."""
        return _is_admin(requester)

    async def can_see_arguments(self, requester: Requester) -> bool:
        """What tasks were given."""
        return _is_admin(requester)

    async def can_view_errors(self, requester: Requester, task: object) -> bool:  # noqa: ARG002
        """Tracebacks."""
        return _is_admin(requester)


def _is_admin(requester: Requester) -> bool:
    return isinstance(requester.user, ShopUser) and requester.user.is_admin
