"""Our rewards in the words of other trainers."""

import importlib
from types import ModuleType

if __name__ != "assay.bridges":
    raise ImportError(f"this folder is assay.bridges, but it was imported as {__name__!r}")


def __getattr__(name: str) -> ModuleType:
    """``assay.bridges.trl`` without an import of its own: a bridge is loaded on first use."""
    if name == "trl":
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
