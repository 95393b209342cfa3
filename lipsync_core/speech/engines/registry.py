"""Which speech engines there are: one in each folder here, and those that other packages bring.

A folder NAME has a module `engine` with a class derived from Engine. Another package names its class in its metadata,
as an entry point of the group `lipsync_studio.engines`; CONTRIBUTING.md shows a whole one.
"""

import logging
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from lipsync_core.errors import LipsyncError
from lipsync_core.speech import engines
from lipsync_core.speech.engines.base import Engine

GROUP = "lipsync_studio.engines"

_instances: dict[type[Engine], Engine] = {}
_lock = threading.Lock()
log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def engine_classes() -> dict[str, type[Engine]]:
    """Classes by name, the better sounding first. One of another package that does not load is logged and left out."""
    found: dict[str, type[Engine]] = {}
    for engine in [*_in_folders(), *_of_packages()]:
        if found.setdefault(engine.name, engine) is not engine:
            log.warning("The speech engine %s is left out: there is one of that name already", engine.name)
    return dict(sorted(found.items(), key=lambda item: -item[1].quality))


def _in_folders() -> Iterator[type[Engine]]:
    for folder in iter_modules(engines.__path__):
        if folder.ispkg:
            module = import_module(f"{engines.__name__}.{folder.name}.engine")
            yield from (
                one
                for one in vars(module).values()
                if isinstance(one, type) and issubclass(one, Engine) and one.__module__ == module.__name__
            )


def _of_packages() -> Iterator[type[Engine]]:
    for entry in entry_points(group=GROUP):
        try:
            engine = entry.load()
            if not issubclass(engine, Engine):
                raise TypeError(f"{engine.__name__} is not derived from Engine")
            _ = engine.name, engine.title, engine.quality
        except Exception as error:  # another package's code raises anything
            log.warning("The speech engine %s of %s does not load: %s", entry.name, entry.value, error)
        else:
            yield engine


def get_engine(name: str) -> Engine:
    """The one instance of the engine `name`. Raises LipsyncError where there is no such engine."""
    classes = engine_classes()
    if name not in classes:
        raise LipsyncError(
            'There is no speech engine "{name}"; choose one of {names}.', name=name, names=tuple(classes)
        )
    with _lock:
        if classes[name] not in _instances:
            _instances[classes[name]] = classes[name]()
        return _instances[classes[name]]


def all_engines() -> list[Engine]:
    """One instance of each, the better sounding first."""
    return [get_engine(name) for name in engine_classes()]
