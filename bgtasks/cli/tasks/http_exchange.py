"""A request over HTTP and what comes back, as the commands see it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from attrs import frozen

__all__ = ["Answer", "Http", "HttpError"]


class HttpError(Exception):
    """There was no answer, or not all of it; the message says why."""


@frozen
class Answer:
    """What an application answers. ``place`` is what was asked, without the query; the names in
    ``headers`` are in lower case. Reading ``body`` may raise HttpError."""

    place: str
    status: int
    headers: Mapping[str, str]
    body: AsyncGenerator[bytes, None]

    @property
    def media_type(self) -> str:
        """Such as ``application/json``; empty: none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


class Http(Protocol):
    """Asks one application. Redirects are not followed: what is secret goes to nobody else."""

    def exchange(
        self,
        method: str,
        route: str,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        silence: float,
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request, with JSON as its body. The answer can be read until the context ends.

        Raises HttpError where no answer comes; after ``silence`` seconds without a byte none is
        waited for any longer.
        """
