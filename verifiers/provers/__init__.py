"""Other provers than Lean: what one must be able to do (``contract``), and Coq as the first.

A prover is asked whether an answer proves a claim. It runs the answer where it can do no harm, and
judges what came out of that in another process, which runs nothing of the answer. ``docs/lean.md``
says how to add one.
"""

if __name__ != "assay.verifiers.provers":
    raise ImportError(f"this folder is assay.verifiers.provers, but imported as {__name__!r}")
