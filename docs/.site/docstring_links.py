"""For mkdocstrings: the public names in a docstring become links.

Docstrings are read in a terminal first, so they hold no links of their own: a name is
``Retry``, :class:`~bgtasks.Retry` or, after "Raises", SettingsError there.
"""

import ast
import re
from pathlib import Path

from griffe import Extension, Object

_PACKAGE = Path(__file__).parents[2] / "bgtasks"
_ROLE = re.compile(r":(?:class|meth|func|attr|mod|data):`~?([\w.]+)`")
# In code, or a bare word that can only be a class.
_NAME = re.compile(r"``(\w+)``|(?<![\w`.])([A-Z][a-z]+[A-Z]\w+)(?![\w`.(])")


def _public_names() -> set[str]:
    """``bgtasks.__all__``, read and not imported: the site is built without what bgtasks needs."""
    for node in ast.parse((_PACKAGE / "__init__.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value)) - {"schedule"}  # which is a field, too
    raise LookupError("bgtasks/__init__.py has no __all__")


_PUBLIC = _public_names()


def _link(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    return f"[`{name}`][bgtasks.{name}]" if name in _PUBLIC else found[0]


def linked(text: str) -> str:
    """``text`` with its roles and public names as links of Markdown."""
    return _NAME.sub(_link, _ROLE.sub(lambda it: f"``{it[1].rpartition('.')[2]}``", text))


class DocstringLinks(Extension):
    """Changes each docstring once it was read."""

    def on_object(self, *, obj: Object, **kwargs: object) -> None:  # noqa: ARG002
        if obj.docstring is not None:
            obj.docstring.value = linked(obj.docstring.value)
