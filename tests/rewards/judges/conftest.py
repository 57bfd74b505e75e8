"""The test server, started once for each module, and the asks that the tests send."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).with_name("judge_server.py")


class JudgeServer:
    """The server's process, from outside."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def settings(self, **settings: Any) -> None:
        self._call("/settings", json.dumps(settings).encode())

    def stats(self) -> dict[str, Any]:
        return self._call("/stats", None)

    def _call(self, path: str, data: bytes | None) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=10) as got:
            return json.load(got)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def running() -> Iterator[JudgeServer]:
    server = JudgeServer()
    yield server
    server.stop()


@pytest.fixture
def server(running: JudgeServer) -> JudgeServer:
    """The server with its default settings and an empty count."""
    running.settings()
    return running
