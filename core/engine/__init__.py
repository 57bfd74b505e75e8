"""Runs sources in worker processes that can be killed, and keeps the host's promises.

``engine.py`` is the parent's side: one thread that hands work to pools (``pool.py``), watches
deadlines and collects verdicts. ``zygote.py`` is a small process that imports the plugins once,
forks workers (``worker.py``) from there, watches their memory and clears away what they leave
behind. ``board.py`` is the page of shared memory in which a worker says what it is doing.
"""

if __name__ != "assay.core.engine":
    raise ImportError(f"this folder is assay.core.engine, but it was imported as {__name__!r}")
