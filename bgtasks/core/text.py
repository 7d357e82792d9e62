"""Texts that come from outside, made fit to be stored and sent: bounded, and valid Unicode."""

import traceback
from types import TracebackType

__all__ = [
    "MAX_MESSAGE",
    "MAX_NAME",
    "MAX_TRACEBACK",
    "class_name",
    "clean",
    "clean_message",
    "cut_traceback",
    "describe",
    "loggable",
    "shown",
    "trace_of",
    "traceback_of",
    "without_surrogates",
]

MAX_NAME = 1_000
MAX_MESSAGE = 4_000
MAX_TRACEBACK = 32_000


def clean(text: str, limit: int) -> str:
    """``text`` with at most ``limit`` characters, and without lone surrogates and NUL.

    File names that are not valid in the file system's encoding contain such surrogates
    (PEP 383). Neither databases nor browsers accept them, so each becomes a ``?``. PostgreSQL
    accepts no NUL character: it becomes a ``\N{REPLACEMENT CHARACTER}``.
    """
    if type(text) is str and len(text) <= limit and text.isascii() and "\0" not in text:
        return text  # the usual case
    if type(text) is not str:
        text = str.__str__(text)  # the text itself, where a subclass overrides __str__
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """``text`` with a ``?`` for each lone surrogate."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def clean_message(text: str | None) -> str | None:
    """A message, or none, of at most 4,000 characters, fit to be stored and sent."""
    return None if text is None else clean(text, MAX_MESSAGE)


def cut_traceback(text: str) -> str:
    """The end of a traceback, which says most, in at most 32,000 characters."""
    if len(text) > MAX_TRACEBACK:
        text = "…" + text[1 - MAX_TRACEBACK :]
    return clean(text, MAX_TRACEBACK)


def describe(error: BaseException) -> str:
    """The message of ``error``, or the name of its class where it has none or cannot be read."""
    try:
        message = str.__str__(str(error))
    except BaseException:  # whatever its __str__ raises must not hide that there was an error
        message = ""
    return clean(message or class_name(error), MAX_MESSAGE)


def class_name(value: object) -> str:
    """The name of the class of ``value``, even where its metaclass overrides ``__name__``."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name


def loggable(error: BaseException) -> BaseException:
    """``error``, or a stand-in if Python cannot format its traceback: an error that is logged or
    stored as text must be one that can be formatted."""
    try:
        traceback.format_exception(error)
    except BaseException:
        stand_in = RuntimeError(f"{describe(error)} (an exception that cannot be formatted)")
        return stand_in.with_traceback(trace_of(error))
    return error


def trace_of(error: BaseException) -> TracebackType | None:
    """The traceback of ``error``, even where its class overrides that attribute."""
    trace: TracebackType | None = vars(BaseException)["__traceback__"].__get__(error)
    return trace


def traceback_of(error: BaseException) -> str:
    """The traceback of ``error`` as a text that can be kept."""
    return cut_traceback("".join(traceback.format_exception(loggable(error))))


def shown(value: object, limit: int = 100) -> str:
    """``repr(value)`` for an error message: at most ``limit`` characters, and never an error.

    The ``repr`` of a refused value may raise, as for an integer of more than 4,300 digits; the
    refusal needs its message all the same.
    """
    try:
        text = repr(value)
    except BaseException as error:  # such as the panic of an extension module
        text = f"<{class_name(value)} whose repr() raises {class_name(error)}>"
    return clean(text, limit)
