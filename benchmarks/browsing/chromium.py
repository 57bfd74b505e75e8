"""Chromium without a window, driven over its DevTools protocol by a pipe: no port, no library.

Covered: opening a page, running an expression in it, keys, media (dark, reduced motion), pictures,
and what the page logged or fetched meanwhile. Not covered: several pages at a time.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Chromium", "find_chromium", "started"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
         "ArrowDown": 40, "PageDown": 34, "End": 35, "Home": 36}  # fmt: skip

_PLACED = """import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 100) for end in sys.argv[1:3]]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The browser reads commands from file 3 and writes to file 4, whatever numbers the pipes have."""


def find_chromium() -> str | None:
    """The path of a Chromium; None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One page of a running browser.

    ``events`` holds everything that it told: console messages, exceptions, requests.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._held = b""
        self._last = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; raises ``RuntimeError`` with what the browser says."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            found = self._read()
            if found.get("id") == self._last:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                result: dict[str, Any] = found["result"]
                return result
            self.events.append(found)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            more = os.read(self._from, 2**16)
            if not more:
                raise RuntimeError("the browser ended")
            self._held += more
        message, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, path: Path, ready: str = "document.readyState === 'complete'") -> float:
        """Open a file and wait until ``ready`` is true; gives the seconds that it took."""
        self.events.clear()
        start = time.perf_counter()
        self.call("Page.navigate", url=path.absolute().as_uri())
        self.wait(f"location.protocol === 'file:' && ({ready})")
        return time.perf_counter() - start

    def run(self, expression: str) -> Any:
        """The value of an expression in the page, promises awaited."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until an expression is true; raises ``TimeoutError``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.run(expression):
                    return
            except RuntimeError as error:  # between two pages there is nothing to ask
                if "context" not in str(error):
                    raise
            time.sleep(0.02)
        raise TimeoutError(f"never true: {expression}")

    def press(self, key: str) -> None:
        """A key, by its name (``ArrowDown``, ``Enter``)."""
        code = _KEYS[key]
        what = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **what, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def media(self, **features: str) -> None:
        """``prefers_color_scheme="dark"`` and the like."""
        named = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        self.call("Emulation.setEmulatedMedia", features=named)

    def size(self, width: int, height: int) -> None:
        """Of the window, in pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def picture(self, clip: Mapping[str, float] | None = None) -> bytes:
        """PNG of what is in the window, or of a part of it (x, y, width, height)."""
        more = {} if clip is None else {"clip": {**clip, "scale": 1}}
        found = self.call("Page.captureScreenshot", format="png", **more)
        return base64.b64decode(found["data"])

    def requests(self) -> list[str]:
        """URLs that were asked for, the page itself and what is embedded in it left out."""
        asked = [e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        urls = [str(one["request"]["url"]) for one in asked if one["type"] != "Document"]
        return [url for url in urls if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions, what the content policy refused."""
        found = []
        for event in self.events:
            told = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(told["exceptionDetails"]))
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(json.dumps(told["args"]))
            elif event["method"] == "Log.entryAdded":
                found.append(str(told["entry"]["text"]))
        return found


@contextmanager
def started() -> Iterator[Chromium]:
    """A browser with an empty profile, ended with the block; raises ``FileNotFoundError``."""
    path = find_chromium()
    if path is None:
        raise FileNotFoundError("no Chromium is installed; get it with: apt-get install chromium")
    command_read, command_write = os.pipe()
    told_read, told_write = os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        process = subprocess.Popen(
            [sys.executable, "-c", _PLACED, str(command_read), str(told_write), path,
             "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, told_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(command_read)
        os.close(told_write)
        try:
            yield Chromium(command_write, told_read)
        finally:
            os.close(command_write)  # a browser whose pipe is gone ends
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(told_read)
