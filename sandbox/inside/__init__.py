"""What runs inside: plain files of the standard library alone, sent in as text. See ``FETCH``."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["FETCH", "bundle"]

_ORDER = ("kernel", "frames", "server", "child", "spawner", "run", "keeper")

FETCH = """\
import json, marshal, os, sys, types
out, into = os.pipe()
if (helper := os.fork()) == 0:
    size, text = int.from_bytes(os.read(0, 4), 'little'), b''
    while len(text) < size:
        text += os.read(0, size - len(text)) or os._exit(1)
    codes = [(name, compile(code, name + '.py', 'exec')) for name, code in json.loads(text)]
    with open(into, 'wb') as file:
        marshal.dump(codes, file)
    os._exit(0)
os.close(into)
with open(out, 'rb') as file:
    codes = file.read() or os._exit(1)
os.waitpid(helper, 0)
for name, code in marshal.loads(codes):
    module = sys.modules[name] = types.ModuleType(name)
    exec(code, module.__dict__)
del codes, code
sys.modules['inside_keeper'].main()
"""
"""The program of a keeper: fetches what ``bundle`` gives from descriptor 0, and goes on as that.

So it is in no image and in no list of processes. Another process reads and compiles it: what a
compiler leaves behind in memory would be a third of all that a fork copies for each run.
"""


def bundle() -> bytes:
    """All of them, the length in front: each becomes the module ``inside_<name>``, in order."""
    folder = Path(__file__).parent
    parts = [(f"inside_{name}", (folder / f"{name}.py").read_text()) for name in _ORDER]
    text = json.dumps(parts).encode()
    return len(text).to_bytes(4, "little") + text
