"""The condition of a search, in the SQL that all stores understand."""

from collections.abc import Callable

__all__ = ["SPANS", "condition"]

SPANS = {"created": "created_at", "started": "started_at", "ended": "completed_at"}
"""The spans of time of a search, and the column that each is about."""


def condition(parameter: Callable[[str], str], *own: str) -> str:
    """What a task must be like to fit. ``parameter`` gives the term for a named parameter, NULL
    where that part of the search is left out; ``own`` are the store's conditions for words and
    arguments."""
    view, now, error = parameter("view"), parameter("now"), parameter("error")
    return "\n   AND ".join(
        [
            *(
                f"({parameter(f'{name}_{bound}')} IS NULL "
                f"OR {column} {sign} {parameter(f'{name}_{bound}')})"
                for name, column in SPANS.items()
                for bound, sign in (("start", ">="), ("end", "<"))
            ),
            f"({view} IS NULL OR (status = 'Pending' AND {view} = "
            f"CASE WHEN due_at IS NULL OR due_at <= {now} THEN 'waiting' "
            "WHEN failures = 0 THEN 'scheduled' ELSE 'retrying' END))",
            f"({error} IS NULL OR error_group = {error})",
            *own,
        ]
    )
