"""Tasks, payloads and snapshots as JSON, and back."""

from bgtasks.core.codec.json_text import MAX_DEPTH, MAX_JSON
from bgtasks.core.codec.shapes import camel_case, configure, make_converter
from bgtasks.core.codec.task_codec import TaskCodec

__all__ = ["MAX_DEPTH", "MAX_JSON", "TaskCodec", "camel_case", "configure", "make_converter"]
