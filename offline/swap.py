"""Several files replaced at once: all of them, or none, whatever kills the process in between.

The new files are made in a folder beside OUT. A marker file says that the set is complete; from
then on the renames can be done over again by whoever comes next. Without the marker the folder is
rubbish of a killed run.

Not covered: readers that open the files between two of the renames.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path

from .write import replace_file, sync_folder

__all__ = ["begin_swap", "complete_swap", "finish_swap"]

_READY = "ready.json"


def _folder(output: Path) -> Path:
    return output.with_name(f"{output.name}.retry")


def begin_swap(output: Path) -> Path:
    """An empty folder for the new files, each under the name it will have beside OUT."""
    folder = _folder(output)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def finish_swap(output: Path, names: Collection[str], removed: Collection[str] = ()) -> None:
    """Put the new files in the place of the old ones, and remove others.

    Args:
        names: of files in the folder, which must be on the disk already.
        removed: of files beside OUT that are not to be there any more.
    """
    folder = _folder(output)
    sync_folder(folder)
    replace_file(folder / _READY, json.dumps({"names": list(names), "removed": list(removed)}))
    complete_swap(output)


def complete_swap(output: Path) -> None:
    """Finish a swap that a kill cut short; clear away one that was not ready."""
    folder = _folder(output)
    ready = folder / _READY
    if ready.exists():
        told = json.loads(ready.read_text())
        for name in told["names"]:
            if (folder / name).exists():  # else it is in its place already
                (folder / name).replace(output.with_name(name))
        for name in told["removed"]:
            output.with_name(name).unlink(missing_ok=True)
        sync_folder(output.parent)
    shutil.rmtree(folder, ignore_errors=True)
