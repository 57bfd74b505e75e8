"""A Source object on its way to a worker process: by name where it can be imported, else by value.

A script, a notebook, a shell or a test module holds sources that no other process can import.
"""

from __future__ import annotations

import pickle
import sys
from types import ModuleType

from .source import Source

__all__ = ["carried"]


def carried(source: Source) -> bytes:
    """The source as a pickle that a process with the same ``sys.path`` can read.

    Raises what pickling raises for a source that holds something that cannot be sent.
    """
    module = sys.modules.get(source.module)
    held = module is not None and source in vars(module).values()
    if held and _importable(source.module):
        return pickle.dumps(source)
    import cloudpickle

    apart = Source.__new__(Source)  # a copy that no module holds, so that it goes by value
    vars(apart).update(vars(source))
    by_value = isinstance(module, ModuleType) and not _importable(source.module)
    if module is None or not by_value or source.module == "__main__":
        return bytes(cloudpickle.dumps(apart))
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(apart))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _importable(name: str) -> bool:
    """Whether another process finds the module's package; what is loaded here does not count."""
    if name == "__main__":
        return False
    top = name.partition(".")[0]
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return any(find is not None and find(top, None) is not None for find in finders)
