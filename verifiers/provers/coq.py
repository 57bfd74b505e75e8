"""Coq as a prover: three runs in the jail, of which only one sees the answer.

1. ``coqc`` makes ``Given`` and ``Claim`` of the ground truth (kept for the next answers).
2. ``coqc`` compiles the answer, with ``Given`` beside it. Only the compiled file comes back.
3. In a fresh place, ``coqc`` asks of the compiled answer whether its theorem has the claim's type
   (Coq's own conversion: an equal meaning is enough) and what it rests on; and ``coqchk``, another
   program, checks the answer's proofs again, says which checks were switched off in it, and names
   every axiom in full.

An answer may declare no axiom, used or not: an unfinished lemma beside a finished proof is refused
too, since Coq's account of what a proof uses has had holes. Axioms of the library count when used.

Not covered: other libraries than Coq's own; steps; MathComp and Rocq 9 (``From Stdlib``).
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import threading
from collections import OrderedDict
from pathlib import Path

from ...sandbox.contract import Limits, Missing, Outcome, Program, SandboxFault
from ...sandbox.jail import Jail
from .contract import BadClaim, Capabilities, Checked, Claim
from .coq_text import Stated, answer_of, check_text, stated

__all__ = ["GET", "SOUND", "Coq", "version_here"]

GET = "apt-get install coq (or your system's package; it must bring coqc and coqchk)"
_FLAGS = ("-q", "-noglob", "-w", "none", "-Q", ".", "Assay")
_CONFIG = Path("/etc/ocamlfind.conf")
"""Without it Debian's coqc finds no plugin."""
SOUND: tuple[int, int] = (8, 19)
"""The first without #18503 (a hole of the kernel) and #18403, #18406 (coqchk on crafted files)."""
_PLACE = re.compile(r'File "\./Answer\.v", line (\d+), characters [\d-]+:\n')
_SUMMARY = re.compile(r"^\* ([^:\n]+):[ \t]*(.*(?:\n    \S.*)*)", re.MULTILINE)
_WEAKER = (
    "Constants/Inductives relying on type-in-type",
    "Constants/Inductives relying on unsafe (co)fixpoints",
    "Inductives whose positivity is assumed",
)
_PRINTED = re.compile(r"^([^\s:]+)[ \t]*(:|$|[ \t].*)", re.MULTILINE)


def version_here() -> tuple[int, int]:
    """Of ``coqc`` on the path. Raises ``Missing``."""
    for command in ("coqc", "coqchk"):
        if shutil.which(command) is None:
            raise Missing(f"there is no Coq here: no {command!r} on the path; {GET}")
    try:
        told = subprocess.run(
            ["coqc", "-print-version"], check=True, capture_output=True, text=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"coqc does not say its version: {error}; {GET}") from error
    found = re.match(r"(\d+)\.(\d+)", told)
    if found is None:
        raise Missing(f"coqc says {told.strip()[:100]!r}, which names no version; {GET}")
    return int(found[1]), int(found[2])


class Coq:
    """A ``Prover``.

    Args:
        allow: full names of axioms that a proof may rest on, where the claim does not say.
        limits: of each of the runs.
        claims_kept: compiled claims that are kept.
    """

    name = "coq"

    def __init__(
        self, *, allow: tuple[str, ...] = (), limits: Limits, claims_kept: int = 64
    ) -> None:
        self.allow, self.limits, self._most = allow, limits, claims_kept
        self._jail: Jail | None = None
        self._version: tuple[int, int] = (0, 0)
        self._lock = threading.Lock()
        self._claims: OrderedDict[tuple[str, str], dict[str, bytes]] = OrderedDict()

    def capabilities(self) -> Capabilities:
        self._open()
        old = self._version < SOUND
        shown = ".".join(map(str, self._version))
        return Capabilities(
            language="coq",
            version=shown,
            trust="dev" if old else "production",
            replays=True,
            steps=False,
            notes=(f"Coq {shown}: holes of kernel and checker were closed in 8.19",) if old else (),
        )

    def look_at(self, claim: Claim) -> None:
        self._compiled(stated(claim))

    def check(self, claim: Claim, answer: str) -> Checked:
        asked = stated(claim)
        trusted = self._compiled(asked)
        read = answer_of(answer, asked)
        if read.why_not:
            return Checked(accepted=False, code=read.code, detail=read.why_not)
        sources = {"Answer.v": read.text.encode("utf-8", "replace")}
        ran = self._coqc("Answer", {**sources, "Given.vo": trusted["Given.vo"]})
        seconds = {"answer": ran.cpu_s}
        made = ran.files.get("Answer.vo")
        if not ran.ok or made is None:
            code, detail, line = _of_answer(ran)
            if line is not None:
                line = max(line - read.first_line + 1, 1)
            return Checked(accepted=False, code=code, detail=detail, line=line, seconds=seconds)
        allow = self.allow if claim.allow_axioms is None else claim.allow_axioms
        judged = self._judged(asked, {**trusted, "Answer.vo": made}, allow)
        return Checked(
            accepted=judged.accepted,
            code=judged.code,
            detail=judged.detail,
            axioms=judged.axioms,
            lemmas=read.lemmas,
            seconds={**seconds, **judged.seconds},
        )

    def close(self) -> None:
        with self._lock:
            if self._jail is not None:
                self._jail.close()
                self._jail = None

    def _open(self) -> Jail:
        with self._lock:
            if self._jail is None:
                self._version = version_here()
                shown = {str(_CONFIG): str(_CONFIG)} if _CONFIG.is_file() else {}
                jail = Jail(folders=shown)
                jail.open()
                self._jail = jail
            return self._jail

    def _run(self, argv: list[str], files: dict[str, bytes], keep: tuple[str, ...]) -> Outcome:
        """Raises ``Missing``, and ``SandboxFault`` where nothing is known."""
        jail = self._open()
        program = Program.command(argv, files, keep)
        outcome = jail.run(program, limits=self.limits)
        if outcome.end == "fault":
            raise SandboxFault(f"the jail failed: {outcome.detail}")
        return outcome

    def _coqc(self, name: str, files: dict[str, bytes]) -> Outcome:
        return self._run(["/usr/bin/coqc", *_FLAGS, f"{name}.v"], files, (f"{name}.vo",))

    def _compiled(self, asked: Stated) -> dict[str, bytes]:
        """``Given.vo`` and ``Claim.vo``. Raises ``BadClaim``."""
        key = (asked.given, asked.claim)
        with self._lock:
            if key in self._claims:
                self._claims.move_to_end(key)
                return self._claims[key]
        files: dict[str, bytes] = {}
        for name, text in (("Given", asked.given), ("Claim", asked.claim)):
            ran = self._coqc(name, {**files, f"{name}.v": text.encode("utf-8", "replace")})
            if not ran.ok or f"{name}.vo" not in ran.files:
                place = "context" if name == "Given" else "statement"
                raise BadClaim(f"ground_truth.{place}: {_said(ran)}")
            files[f"{name}.vo"] = ran.files[f"{name}.vo"]
        with self._lock:
            self._claims[key] = files
            while len(self._claims) > self._most:
                self._claims.popitem(last=False)
        return files

    def _judged(self, asked: Stated, files: dict[str, bytes], allow: tuple[str, ...]) -> Checked:
        nonce = secrets.token_hex(16)
        text = check_text(asked.name, nonce).encode()
        asks = self._coqc("Check", {**files, "Check.v": text})
        seconds = {"check": asks.cpu_s}
        compiled = asks.files.get("Check.vo")
        if not asks.ok or compiled is None:
            code, detail = _of_check(asks)
            return Checked(accepted=False, code=code, detail=detail, seconds=seconds)
        admitted = [f"-norec Assay.{name}" for name in ("Given", "Claim", "Answer", "Check")]
        words = " ".join(admitted).split()
        argv = ["/usr/bin/coqchk", "-silent", "-o", "-Q", ".", "Assay", *words]
        checks = self._run(argv, {**files, "Check.vo": compiled}, ())
        seconds["coqchk"] = checks.cpu_s
        code, detail, axioms = _decided(_printed(asks, nonce), checks, asked.name, allow)
        return Checked(
            accepted=code == "accepted", code=code, detail=detail, axioms=axioms, seconds=seconds
        )


_ENDS = {
    "time": "it did not finish in time",
    "memory": "it needed more memory than it may have",
    "output": "it printed more than it may",
    "disk": "it wrote more than it may",
    "processes": "it started more processes than it may",
}


def _of_answer(ran: Outcome) -> tuple[str, str, int | None]:
    """Why an answer was not compiled."""
    if ran.end in _ENDS:
        return ran.end if ran.end in ("time", "memory") else "error", _ENDS[ran.end], None
    if ran.ok:
        return "error", "it ended Coq before its end", None
    found = list(_PLACE.finditer(ran.stderr.decode("utf-8", "replace")))
    return "error", _said(ran), int(found[-1][1]) if found else None


def _of_check(ran: Outcome) -> tuple[str, str]:
    """Why the answer's theorem is not the claim's."""
    if ran.end in _ENDS:
        return ran.end if ran.end in ("time", "memory") else "error", _ENDS[ran.end]
    said = _said(ran)
    if "was not found" in said:
        return "target_missing", "it declares nothing of the theorem's name"
    return "statement_changed", said


def _said(ran: Outcome) -> str:
    """Coq's error, on one line."""
    text = ran.stderr.decode("utf-8", "replace")
    error = text.rpartition("\nError:")[2] if "\nError:" in text else text
    shown = " ".join(error.split())[:500]
    return shown or _ENDS.get(ran.end, f"Coq ended by {ran.end} {ran.code}")


def _printed(ran: Outcome, nonce: str) -> str | None:
    """What Coq printed between our marks; None when they are not there."""
    text = ran.stdout.decode("utf-8", "replace")
    begin, end = f"@@{nonce}\n", f"@@end {nonce}"
    if text.count(begin) != 1 or end not in text:
        return None
    return text.partition(begin)[2].partition(end)[0]


def _decided(
    printed: str | None, checks: Outcome, name: str, allow: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]]:
    """(code, detail, axioms) of what the two programs say."""
    if checks.end in _ENDS:
        return checks.end, f"the checker: {_ENDS[checks.end]}", ()
    if not checks.ok:
        return "checker", f"coqchk refuses it: {_said(checks)}", ()
    # of a summary longer than 64 KB the beginning is lost, and with it the theory: not accepted
    text = checks.stderr.decode("utf-8", "replace")
    summary = {match[1]: match[2].split() for match in _SUMMARY.finditer(text)}
    if printed is None or summary.get("Theory") != ["Set", "is", "predicative"]:
        return "unsafe", "it changes the theory, or what Coq says of it", ()
    for title in _WEAKER:
        found = summary.get(title, ["?"])
        if found != ["<none>"]:
            return "unsafe", f"{title.lower()}: {', '.join(found)[:300]}", ()
    known = [one for one in summary.get("Axioms", ["?"]) if one != "<none>"]
    own = [one for one in known if one.startswith("Assay.Answer.")]
    if own or "?" in known:
        shown = ", ".join(one.removeprefix("Assay.Answer.") for one in own)[:300]
        return "axiom", f"assumed, not proved: {shown}", tuple(own)
    used = _used(printed, known)
    given = (*allow, *(one for one in known if one.startswith("Assay.Given.")))
    wrong = [one for one in used if one not in given]
    if wrong or f"Assay.Claim.{name}" in used:
        return "axiom", f"it rests on {', '.join(wrong)[:300]}", used
    return "accepted", "Coq and its checker accept the statement", used


def _used(printed: str, known: list[str]) -> tuple[str, ...]:
    """Full names of what a proof rests on, by the account of ``Print Assumptions``. A name that
    may stand for several stands for all, one that stands for none for itself."""
    if printed.strip() == "Closed under the global context":
        return ()
    lines = [line for line in printed.splitlines() if line.strip() not in ("", "Axioms:")]
    short = [m[1] for line in lines if (m := _PRINTED.match(line))]
    found: list[str] = []
    for one in short or ["(what cannot be read)"]:
        found += [full for full in known if full == one or full.endswith(f".{one}")] or [one]
    return tuple(dict.fromkeys(found))
