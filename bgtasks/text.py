"""Texts that come from outside, made fit to be stored and sent: bounded, and valid Unicode."""

__all__ = [
    "MAX_MESSAGE",
    "MAX_NAME",
    "MAX_TRACEBACK",
    "clean",
    "clean_message",
    "cut_traceback",
    "describe",
    "shown",
]

MAX_NAME = 1_000
MAX_MESSAGE = 4_000
MAX_TRACEBACK = 32_000


def clean(text: str, limit: int) -> str:
    """``text`` with at most ``limit`` characters, and without lone surrogates and NUL.

    Names of files that are not valid in the file system's encoding contain such surrogates
    (PEP 383); neither databases nor browsers take them, so each becomes a ``?``. PostgreSQL
    takes no NUL character: it becomes a ``\N{REPLACEMENT CHARACTER}``.
    """
    if type(text) is not str:
        text = str.__str__(text)  # what a subclass holds, whatever it calls itself
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def clean_message(text: str | None) -> str | None:
    """A message, or none, of at most 4,000 characters, fit to be stored and sent."""
    return None if text is None else clean(text, MAX_MESSAGE)


def cut_traceback(text: str) -> str:
    """The end of a traceback, which says most, in at most 32,000 characters."""
    if len(text) > MAX_TRACEBACK:
        text = "…" + text[1 - MAX_TRACEBACK :]
    return clean(text, MAX_TRACEBACK)


def describe(error: BaseException) -> str:
    """The message of ``error``, or its class name where it has none."""
    try:
        message = str(error)
    except Exception:  # a broken __str__ must not hide that the task failed
        message = ""
    return clean(message or type(error).__name__, MAX_MESSAGE)


def shown(value: object, limit: int = 100) -> str:
    """``repr(value)`` for an error message: at most ``limit`` characters, and never an error.

    A value that is refused may be one whose ``repr`` raises; the refusal has to say so all the
    same. A whole number of more than 4,300 digits is such a value.
    """
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr() raises {type(error).__name__}>"
    return clean(text, limit)
