"""Lean 4.28 compiled to WebAssembly: where it comes from, and how it is made quick enough."""
