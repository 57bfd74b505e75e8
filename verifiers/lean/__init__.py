"""Lean 4 proofs: paid only if the kernel accepts this statement, with no axiom added."""
