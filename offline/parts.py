"""The working folder of a run over a file: what makes it survive ``kill -9`` at any moment.

``OUT.parts/`` holds a manifest (what is being computed from what) and shards. A shard's name is
the exact range of input rows in it, ``[start, end)``; beside it stand the rows of that range that
could not be read (``.bad``) and those that a fault left unscored (``.failed``). Every file is
written under another name, synced, and then renamed; the rename of a shard is the one moment at
which its rows count as done. So after any kill the finished rows are those of the shards, without a
gap and without a repeat.

The end is as safe as the middle. The shards are merged into a temporary file, which is renamed to
OUT; only then is the folder renamed, and only then removed. A kill before the first rename merges
again, a kill after it leaves an OUT that is already whole.

One writer at a time: a lock that the kernel drops when the process dies. Not covered: network
file systems on which ``flock`` or ``rename`` do not hold between machines.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core.closing import Closing
from ..core.errors import ConfigError, EngineError
from ..core.types import JSON
from .swap import complete_swap
from .write import Format, Shard, replace_file, sync_folder

__all__ = ["Parts", "RunLock", "differences"]


class RunLock(Closing):
    """The right to write OUT; held until ``close`` or the end of the process, however it ends."""

    def __init__(self, output: Path) -> None:
        self._path = output.with_name(f".{output.name}.lock")
        self._file = self._take()

    def _take(self) -> IO[str]:
        while True:
            file = self._path.open("a")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.close()
                raise ConfigError(
                    f"{self._path}: another process is writing this output; wait for it, or end it"
                ) from error
            if self._is_current(file):
                return file
            file.close()  # its owner removed it between our open and our lock

    def _is_current(self, file: IO[str]) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Give the right back, leaving no file behind."""
        self._path.unlink(missing_ok=True)
        self._file.close()


@dataclass(frozen=True, slots=True)
class Range:
    """A finished shard: the input rows ``[start, end)``."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start:012d}-{self.end:012d}"


class Parts:
    """``OUT.parts/``: finished shards, the shard under way, and how they become OUT."""

    def __init__(self, output: Path, form: Format) -> None:
        self.output = output
        self.folder = output.with_name(f"{output.name}.parts")
        self.report = output.with_name(f"{output.name}.run.json")
        self.bad_rows = output.with_name(f"{output.name}.bad.jsonl")
        self.failed_rows = output.with_name(f"{output.name}.failed.jsonl")
        self._form = form
        self._done: list[Range] = []
        self._shard: Shard | None = None
        self._sides: dict[str, IO[str]] = {}
        """The side files under way: ``bad`` and ``failed``."""

    @property
    def end(self) -> int:
        """The first input row that is not done yet."""
        return self._done[-1].end if self._done else 0

    @property
    def state(self) -> Any:
        """What was given to the last ``commit``; None when nothing is done."""
        return json.loads(self._state_file(self._done[-1]).read_text()) if self._done else None

    def finished_run(self) -> dict[str, JSON] | None:
        """The report of the run that wrote OUT, if OUT is still what that run wrote."""
        complete_swap(self.output)  # a retry may have been killed at its end
        shutil.rmtree(self._old, ignore_errors=True)  # a kill may have cut its removal short
        if self.folder.exists() or not self.output.exists():
            return None
        try:
            report: dict[str, JSON] = json.loads(self.report.read_text())
        except (OSError, ValueError):
            return None
        return report if report.get("bytes") == self.output.stat().st_size else None

    def open(self, manifest: Mapping[str, JSON], *, restart: bool, where: str) -> None:
        """Begin a run, or go on with the one that is there.

        Raises ``ConfigError`` when what is there was computed from something else.
        """
        if restart:
            self.discard()
        self.folder.mkdir(parents=True, exist_ok=True)
        held = self._manifest()
        if held is None:
            replace_file(self.folder / "manifest.json", json.dumps(manifest, indent=1))
        elif other := differences(held, manifest):
            raise ConfigError(
                f"{self.folder}: holds an unfinished run with {_listed(other)}; finish it with"
                f" what it was begun with, or give up its rows with --restart"
            )
        elif manifest.get("input") is None:
            raise ConfigError(
                f"{self.folder}: holds an unfinished run over {where}, which cannot be read a"
                " second time; begin anew with --restart"
            )
        self._sweep()

    def _manifest(self) -> dict[str, JSON] | None:
        path = self.folder / "manifest.json"
        if not path.exists():
            return None
        held: dict[str, JSON] = json.loads(path.read_text())
        return held

    def _sweep(self) -> None:
        """Find the finished shards, and remove what a kill left half done."""
        shards = sorted(self.folder.glob(f"*{self._form.suffix}"))
        self._done = [Range(*map(int, p.name.split(".")[0].split("-"))) for p in shards]
        starts = [0, *(part.end for part in self._done)]
        for part, start in zip(self._done, starts, strict=False):
            if part.start != start or part.end <= start:
                raise EngineError(
                    f"{self.folder}: rows {start} to {part.start} are missing or repeated; files"
                    " in it were changed by hand; begin anew with --restart"
                )
        kept = {"manifest.json", *(p.name for p in shards)}
        kept.update(f.name for part in self._done for f in self._beside(part))
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink()

    def _state_file(self, part: Range) -> Path:
        return self.folder / f"{part}.state.json"

    def _beside(self, part: Range) -> Iterator[Path]:
        yield self._state_file(part)
        for kind in ("bad", "failed"):
            yield self.folder / f"{part}.{kind}"

    def add(self, row: Mapping[str, Any]) -> None:
        """A scored row, for the shard under way."""
        if self._shard is None:
            self._shard = self._form.shard(self.folder / "shard.tmp")
        self._shard.add(row)

    def add_bad(self, row: Mapping[str, JSON]) -> None:
        """A row that could not be read, for its side file."""
        self._beside_add("bad", row)

    def add_failed(self, row: Mapping[str, JSON], index: int) -> None:
        """Sample ``index`` of the input, which a fault left without a score, for its side file."""
        self._beside_add("failed", {"index": index, **row})

    def _beside_add(self, kind: str, row: Mapping[str, JSON]) -> None:
        if kind not in self._sides:
            self._sides[kind] = (self.folder / f"{kind}.tmp").open("w", encoding="utf-8")
        self._sides[kind].write(json.dumps(row) + "\n")

    def commit(self, end: int, state: Mapping[str, JSON]) -> None:
        """Make everything up to input row ``end`` durable; nothing happens if there is no more."""
        if end == self.end:
            return
        part = Range(self.end, end)
        if self._shard is None:  # a stretch of nothing but bad and failed rows
            self._shard = self._form.shard(self.folder / "shard.tmp")
        self._shard.close()
        for kind, file in self._sides.items():
            file.flush()
            os.fsync(file.fileno())
            file.close()
            (self.folder / f"{kind}.tmp").replace(self.folder / f"{part}.{kind}")
        replace_file(self._state_file(part), json.dumps(state))
        (self.folder / "shard.tmp").replace(self._path(part))
        sync_folder(self.folder)
        self._done.append(part)
        self._shard = None
        self._sides.clear()

    def _path(self, part: Range) -> Path:
        return self.folder / f"{part}{self._form.suffix}"

    def finish(self, report: Mapping[str, JSON]) -> dict[str, JSON]:
        """Merge the shards into OUT and remove the folder; gives the report with OUT's size."""
        merged = self.folder / "merged.tmp"
        self._form.merge((self._path(part) for part in self._done), merged)
        full = {**report, "bytes": merged.stat().st_size}
        self._finish_side("bad", self.bad_rows)
        self._finish_side("failed", self.failed_rows)
        replace_file(self.report, json.dumps(full, indent=1))
        merged.replace(self.output)
        sync_folder(self.output.parent)
        self.folder.rename(self._old)  # from here on OUT counts as finished
        sync_folder(self.output.parent)
        shutil.rmtree(self._old)
        return full

    def _finish_side(self, kind: str, path: Path) -> None:
        beside = (self.folder / f"{part}.{kind}" for part in self._done)
        files = [file for file in beside if file.exists()]
        if not files:
            path.unlink(missing_ok=True)
            return
        temporary = self.folder / f"{kind}.tmp"
        with temporary.open("wb") as out:
            for part in files:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)

    @property
    def _old(self) -> Path:
        return self.output.with_name(f"{self.output.name}.parts.old")

    def discard(self) -> None:
        """Give up the unfinished run, if there is one."""
        if self.folder.exists():
            self.folder.rename(self._old)
            shutil.rmtree(self._old)


def differences(held: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> list[str]:
    """The places at which two manifests differ, nested ones with dots."""
    found: list[str] = []
    for key in sorted({*held, *wanted}):
        a, b = held.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += [f"{key}.{inner}" for inner in differences(a, b)]
        elif a != b:
            found.append(key)
    return found


def _listed(places: list[str]) -> str:
    shown = ", ".join(places[:4]) + (", ..." if len(places) > 4 else "")
    return f"another {shown}"
