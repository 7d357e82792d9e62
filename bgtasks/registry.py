"""All task types of one manager."""

from collections.abc import Iterable, Iterator

from bgtasks.core.record import TaskRecord
from bgtasks.core.text import shown
from bgtasks.core.unique import BY_CALLER, Conflict
from bgtasks.errors import RegistrationError, SettingsError, UnregisteredTaskError
from bgtasks.models import BackgroundTaskBase
from bgtasks.registration import Registration

__all__ = ["Registry"]


class Registry:
    """All registrations of one manager, by stored type name and by class."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._by_name: dict[str, Registration] = {}
        self._by_class: dict[type, Registration] = {}
        self._former: dict[str, Registration] = {}
        for registration in registrations:
            self._add(registration)
        if not self._by_name:
            raise RegistrationError(
                "no background tasks are registered: give BackgroundTasksContainer "
                "tasks=providers.List(background_task(MyTask, my_worker), ...)"
            )
        self._add_former()

    def _add(self, registration: Registration) -> None:
        if not isinstance(registration, Registration):
            raise RegistrationError(
                f"tasks has {shown(registration)}; expected what background_task(...) gives"
            )
        name, cls = registration.type_name, registration.task_type
        if cls in self._by_class:
            raise RegistrationError(f"{cls.__name__} is registered twice; remove one")
        if name in self._by_name:
            raise RegistrationError(
                f"two task types are stored as {name!r}; give one of them another type_name="
            )
        self._by_name[name] = registration
        self._by_class[cls] = registration

    def _add_former(self) -> None:
        for registration in self._by_name.values():
            for name in registration.renamed_from:
                if name in self._by_name or name in self._former:
                    raise RegistrationError(
                        f"background_task({registration.type_name}, ..., renamed_from=...) has "
                        f"{name!r}, which another type has; name each former name once"
                    )
                self._former[name] = registration

    def __iter__(self) -> Iterator[Registration]:
        return iter(self._by_name.values())

    def __contains__(self, type_name: object) -> bool:
        return type_name in self._by_name or type_name in self._former

    def conflict(self, type_name: str) -> Conflict:
        """What becomes of a task of this type whose key another one holds."""
        registration = self.named(type_name)
        unique = BY_CALLER if registration is None else registration.unique or BY_CALLER
        return unique.conflict

    def name_of(self, task_type: type) -> str | None:
        """The name that tasks of exactly this class are stored under; ``None``: it is not
        registered."""
        registration = self._by_class.get(task_type)
        return None if registration is None else registration.type_name

    def named(self, type_name: str) -> Registration | None:
        """The registration of tasks that are stored under this name, now or formerly."""
        return self._by_name.get(type_name) or self._former.get(type_name)

    def claimed(self, chosen: Iterable[str] | None = None) -> tuple[str, ...]:
        """All names that tasks of these types are stored under, former ones too. Raises
        SettingsError as ``names`` does."""
        names = self.names(chosen)
        former = [name for name, item in self._former.items() if item.type_name in names]
        return (*names, *former)

    def why_too_new(self, record: TaskRecord) -> str | None:
        """Why a stored task cannot run here though its type is registered; ``None``: it can."""
        if record.version == 1 or (registration := self.named(record.type)) is None:
            return None
        versions = registration.versions
        return versions.too_new(record.version) if record.version > versions.newest else None

    def names(self, chosen: Iterable[str] | None = None) -> tuple[str, ...]:
        """The registered type names, or those of ``chosen``. Raises SettingsError for a name that
        is not registered."""
        if chosen is None:
            return tuple(self._by_name)
        chosen = tuple(chosen)
        if unknown := [name for name in chosen if name not in self._by_name]:
            raise SettingsError(
                f"setting 'types' names {', '.join(map(repr, unknown))}, which is not registered; "
                f"accepted: {', '.join(sorted(self._by_name))}"
            )
        return chosen

    def of(self, task: BackgroundTaskBase) -> Registration:
        """The registration of exactly this task's class. Raises UnregisteredTaskError."""
        registration = self._by_class.get(type(task))
        if registration is None:
            raise UnregisteredTaskError(
                f"{type(task).__name__} is not registered: add background_task("
                f"{type(task).__name__}, its_worker) to tasks= of BackgroundTasksContainer. "
                f"Registered here: {', '.join(sorted(self._by_name))}"
            )
        return registration
