"""Answers that are made of parts, as the OpenAPI document describes them."""

from datetime import datetime
from typing import TypedDict

__all__ = ["Me"]


class Can(TypedDict):
    """What a requester may see and do, beside single tasks."""

    statistics: bool
    arguments: bool
    control: bool


class Me(TypedDict):
    """Who a requester is, and what they talk to."""

    identity: str | None
    can: Can
    release: str
    backend: str
    now: datetime
