"""SandboxFusion, Piston and E2B on loopback, as far as their documents go, with faults on demand.

They run what they are sent as a bare process: that is enough for a test, and for nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from assay.sandbox.remote import RemoteSandbox

OUTPUT = 1 << 20
"""SandboxFusion's; Piston's is given."""


class Fake(ThreadingHTTPServer):
    """A service. ``faults`` are used up one by one, before anything is run."""

    daemon_threads = True

    def __init__(self, service: str, output: int = 2 << 20, most_ms: int = 60_000) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service, self.output, self.most_ms = service, output, most_ms
        self.faults: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.machines: dict[str, str] = {}
        """Of E2B, and their tokens."""
        self.executed: list[dict[str, Any]] = []
        """What E2B's machines were asked for."""
        self.later: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        """Faults of the machines."""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def take_back(self) -> int:
        """Forget the faults that were not used; how many there were."""
        count = 0
        with contextlib.suppress(queue.Empty):
            while True:
                self.faults.get_nowait()
                count += 1
        return count

    def handle_error(self, *_: Any) -> None:
        """Connections break here on purpose."""

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Fake

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.service == "e2b" and self.path.endswith("/execute"):
            self.e2b_runs(body)
            return
        self.server.asked.append(body)
        self.server.headers.append(dict(self.headers))
        with contextlib.suppress(queue.Empty):
            self.server.faults.get_nowait()(self)
            return
        if self.server.service == "piston":
            self.piston(body)
        elif self.server.service == "e2b":
            self.e2b_starts(body)
        else:
            self.fusion(body)

    def say(self, status: int, answer: Any, **headers: str) -> None:
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def fusion(self, body: dict[str, Any]) -> None:
        if self.path != "/run_code":
            self.say(404, {"detail": "Not Found"})
            return
        with tempfile.TemporaryDirectory(prefix="fake-", ignore_cleanup_errors=True) as folder:
            ran = run(body["code"], folder, body["run_timeout"])
            late = ran["signal"] == "timeout"
            result = {
                "status": "TimeLimitExceeded" if late else "Finished",
                "execution_time": ran["time"],
                "return_code": None if late else ran["code"],
                "stdout": decoded(ran["stdout"][:OUTPUT]),
                "stderr": decoded(ran["stderr"][:OUTPUT]),
            }
            files = {}
            for name in body["fetch_files"]:
                if Path(folder, name).is_file():
                    files[name] = base64.b64encode(Path(folder, name).read_bytes()).decode()
        failed = late or ran["code"] != 0
        self.say(200, {"status": "Failed" if failed else "Success", "message": "",
                       "compile_result": None, "run_result": result,
                       "executor_pod_name": None, "files": files})  # fmt: skip

    def do_DELETE(self) -> None:
        self.server.machines.pop(self.path.rpartition("/")[2])
        self.say(204, b"")

    def e2b_starts(self, body: dict[str, Any]) -> None:
        if self.path != "/sandboxes" or body["timeout"] < 1:
            self.say(400, {"code": 400, "message": "bad request"})
            return
        name = f"i{len(self.server.asked)}x{len(self.server.machines)}"
        self.server.machines[name] = f"token-of-{name}"
        self.say(201, {"sandboxID": name, "clientID": "c", "templateID": body["templateID"],
                       "domain": None, "envdVersion": "0.2.0",
                       "envdAccessToken": self.server.machines[name]})  # fmt: skip

    def e2b_runs(self, body: dict[str, Any]) -> None:
        """A kernel's words come as they please: here in two pieces, after some of its own."""
        name = self.path.split("/")[1]
        assert "X-API-Key" not in self.headers
        if self.headers["X-Access-Token"] != self.server.machines.get(name):
            self.say(401, {"message": "no such machine"})
            return
        self.server.executed.append(body)
        with contextlib.suppress(queue.Empty):
            self.server.later.get_nowait()(self)
            return
        with tempfile.TemporaryDirectory(prefix="fake-", ignore_cleanup_errors=True) as folder:
            ran = run(body["code"], folder, 60.0)
        out = ran["stdout"].decode()
        said = [{"type": "number_of_executions", "execution_count": 1}]
        said += [{"type": "stdout", "text": t, "timestamp": 1} for t in (out[:9], out[9:]) if t]
        if ran["code"]:
            said.append({"type": "error", "name": "SystemExit", "value": "", "traceback": ""})
        said.append({"type": "end_of_execution"})
        self.say(200, "".join(json.dumps(line) + "\n" for line in said).encode())

    def piston(self, body: dict[str, Any]) -> None:
        if self.path != "/api/v2/execute":
            self.say(404, {"message": "Not Found"})
            return
        if body["run_timeout"] > self.server.most_ms:
            most = self.server.most_ms
            self.say(400, {"message": f"run_timeout cannot exceed the configured limit of {most}"})
            return
        with tempfile.TemporaryDirectory(prefix="fake-", ignore_cleanup_errors=True) as folder:
            ran = run(body["files"][0]["content"], folder, body["run_timeout"] / 1000)
        status, out = None, ran["stdout"].decode("utf-8", "replace")
        if ran["signal"] == "timeout":
            status = "TO"
        elif len(out) > self.server.output:
            status, out = "OL", out[: self.server.output // 2]
        elif ran["code"]:
            status = "RE" if ran["code"] > 0 else "SG"
        killed = status in ("TO", "OL")
        number = signal.Signals(-ran["code"]).name if ran["code"] < 0 and not killed else None
        self.say(200, {"language": "python", "version": "3.12.0", "run": {
            "stdout": out, "stderr": ran["stderr"].decode("utf-8", "replace"), "output": out,
            "status": status,
            "code": None if killed or number else ran["code"], "message": None,
            "signal": "SIGKILL" if killed else number, "cpu_time": 1, "wall_time": 1,
            "memory": 1000}})  # fmt: skip


def decoded(data: bytes) -> str:
    """As SandboxFusion does it."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return f"[DecodeError] {error}"


def run(code: str, folder: str, within_s: float) -> dict[str, Any]:
    Path(folder, "main.py").write_text(code)
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "main.py"], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            cwd=folder, start_new_session=True,
        )  # fmt: skip
        late = ""
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            late = "timeout"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code_ = process.wait()
        out.seek(0)
        err.seek(0)
        return {"code": code_, "stdout": out.read(), "stderr": err.read(), "signal": late,
                "time": time.monotonic() - began}  # fmt: skip


def client(service: Fake, **options: Any) -> RemoteSandbox:
    chosen = {"slots": 2, "backoff_s": 0.01, "retries": 2, "timeout_s": 1.0, "margin_s": 3.0}
    if service.service == "e2b":
        chosen["run_url"] = f"{service.url}/{{sandbox}}"
    return RemoteSandbox(url=service.url, service=service.service, **{**chosen, **options})


# --- faults ---------------------------------------------------------------------------------------

Fault = Callable[[Handler], None]


def status(code: int, answer: Any = None, **headers: str) -> Fault:
    said = {"message": "no"} if answer is None else answer
    return lambda handler: handler.say(code, said, **headers)


def cut(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"status": "Success", ')
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def slow(handler: Handler) -> None:
    time.sleep(5)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)
