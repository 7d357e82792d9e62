"""Tasks, payloads and snapshots as JSON, and back."""

from bgtasks.serialization.codec import TaskCodec
from bgtasks.serialization.json_text import MAX_DEPTH, MAX_JSON
from bgtasks.serialization.shapes import camel_case, configure, make_converter

__all__ = ["MAX_DEPTH", "MAX_JSON", "TaskCodec", "camel_case", "configure", "make_converter"]
