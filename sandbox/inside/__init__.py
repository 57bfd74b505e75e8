"""What runs inside: plain files of the standard library alone, sent in as text. See ``bundle``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundle"]

_ORDER = ("kernel", "frames", "server", "child", "spawner", "run", "keeper")


def bundle() -> str:
    """One program of all of them: each becomes the module ``inside_<name>``, in order."""
    folder = Path(__file__).parent
    parts = [(f"inside_{name}", (folder / f"{name}.py").read_text()) for name in _ORDER]
    return (
        "import sys, types\n"
        f"for name, text in {parts!r}:\n"
        "    module = types.ModuleType(name)\n"
        "    sys.modules[name] = module\n"
        "    exec(compile(text, name + '.py', 'exec'), module.__dict__)\n"
        "sys.modules['inside_keeper'].main()\n"
    )
