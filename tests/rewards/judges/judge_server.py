"""A small OpenAI-compatible server for tests: judges by rule, and breaks on demand.

The last message says what to do: ``GRADE=0.7`` is the grade it gives (0 where there is none).
``python judge_server.py '{"latency_s": 0.2, ...}'`` prints its port. ``GET /stats`` gives its own
count of what it did; ``POST /settings`` changes settings and clears the count.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import time
from typing import Any

DEFAULTS: dict[str, Any] = {
    "latency_s": 0.0,
    "faults": [],  # kinds to draw from
    "fault_share": 0.0,
    "fault_first": 0,  # this many requests fail, whatever the share
    "retry_after": "0.02",
    "slow_s": 5.0,
    "json_schema": True,
    "logprobs": False,
    "legacy_limit": True,  # takes max_tokens
    "finish": "stop",
    "usage": True,
    "text": None,  # the reply, instead of the rule
}


class Server:
    """The settings, the count, and one coroutine for each connection."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.reset(settings)

    def reset(self, settings: dict[str, Any]) -> None:
        self.settings = {**DEFAULTS, **settings}
        self.stats: dict[str, Any] = {
            "requests": 0, "replies": 0, "tokens_in": 0, "tokens_out": 0, "at": [], "by_fault": {},
            "bodies": [], "headers": [], "most_at_once": 0, "spent_at": [],
        }  # fmt: skip
        self.now = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client left: its business
        finally:
            writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = first.split()[1]
        if path == "/stats":
            return self.send(writer, 200, json.dumps(self.stats).encode())
        if path == "/settings":
            self.reset(json.loads(body))
            return self.send(writer, 200, b"{}")
        if not path.endswith("/v1/chat/completions"):
            return self.send(writer, 404, b'{"detail": "Not Found"}')
        self.now += 1
        self.stats["most_at_once"] = max(self.stats["most_at_once"], self.now)
        try:
            return await self.chat(json.loads(body), headers, writer)
        finally:
            self.now -= 1

    async def chat(
        self, body: dict[str, Any], headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> bool:
        stats, settings = self.stats, self.settings
        stats["requests"] += 1
        stats["at"].append(time.time())
        stats["spent_at"].append(stats["tokens_in"] + stats["tokens_out"])
        if len(stats["bodies"]) < 20:
            stats["bodies"].append(body)
            stats["headers"].append(headers)
        if not settings["json_schema"] and "response_format" in body:
            return self.send(writer, 400, b'{"error": {"message": "unknown: response_format"}}')
        if not settings["legacy_limit"] and "max_tokens" in body:
            message = b'{"error": {"message": "use max_completion_tokens"}}'
            return self.send(writer, 400, message)
        fault = self.fault()
        if fault:
            stats["by_fault"][fault] = stats["by_fault"].get(fault, 0) + 1
            return await self.broken(fault, body, writer)
        if settings["latency_s"]:
            await asyncio.sleep(settings["latency_s"])
        return self.reply(writer, body, settings["text"] or rule(body))

    def fault(self) -> str:
        """The fault of this request, drawn by its number: 0.2 of them, not 0.2 on average."""
        kinds, number = self.settings["faults"], self.stats["requests"]
        if not kinds:
            return ""
        if number <= self.settings["fault_first"]:
            return str(kinds[(number - 1) % len(kinds)])
        draw = hashlib.sha256(str(number).encode()).digest()
        drawn = int.from_bytes(draw[:4]) / 2**32 < self.settings["fault_share"]
        return str(kinds[draw[4] % len(kinds)]) if drawn else ""

    async def broken(self, kind: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        if kind == "429":
            more = {"retry-after": self.settings["retry_after"]}
            return self.send(writer, 429, b'{"error": {"message": "rate limit"}}', more)
        if kind == "quota":
            return self.send(writer, 429, b'{"error": {"code": "insufficient_quota"}}')
        if kind == "500":
            return self.send(writer, 500, b"Internal Server Error")
        if kind == "401":
            return self.send(writer, 401, b'{"error": {"message": "no such key"}}')
        if kind == "slow":
            await asyncio.sleep(self.settings["slow_s"])
            return False
        if kind == "cut":
            return False
        if kind == "cut-in-body":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + b'{"choices": [{"mes')
            return False
        if kind == "invalid-json":
            return self.send(writer, 200, b'{"choices": [{"message": {"content": "{\\"sco')
        texts = {
            "wrong-schema": '{"grade": "excellent"}',
            "empty": "",
            "rubbish": "colorless green ideas",
        }
        return self.reply(writer, body, texts[kind])

    def reply(self, writer: asyncio.StreamWriter, body: dict[str, Any], text: str) -> bool:
        tokens_in = sum(len(m["content"].split()) for m in body["messages"])
        tokens_out = len(text.split())
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": self.settings["finish"],
        }
        if body.get("logprobs") and self.settings["logprobs"]:
            choice["logprobs"] = {"content": self.settings["logprobs"]}
        data = {"object": "chat.completion", "model": body["model"], "choices": [choice]}
        if self.settings["usage"]:
            data["usage"] = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
        self.stats["replies"] += 1
        self.stats["tokens_in"] += tokens_in
        self.stats["tokens_out"] += tokens_out
        return self.send(writer, 200, json.dumps(data).encode())

    def send(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        data: bytes,
        more: dict[str, str] | None = None,
    ) -> bool:
        headers = {"content-length": str(len(data)), "content-type": "application/json"}
        lines = [f"{name}: {value}" for name, value in (headers | (more or {})).items()]
        head = "\r\n".join([f"HTTP/1.1 {status} X", *lines]) + "\r\n\r\n"
        writer.write(head.encode("latin-1") + data)
        return True


def rule(body: dict[str, Any]) -> str:
    """The judge: it gives the grade that the question names."""
    found = re.search(r"GRADE=([0-9.]+)", "\n".join(m["content"] for m in body["messages"]))
    grade = float(found[1]) if found else 0.0
    return json.dumps({"reasoning": "by the rule", "score": grade, "confidence": 0.9})


async def main() -> None:
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    judge = Server(given)
    server = await asyncio.start_server(judge.serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
