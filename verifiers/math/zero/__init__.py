"""Whether an expression is zero: exactly, modulo primes, and by ball arithmetic."""

from .deciding import Zero, same_value

__all__ = ["Zero", "same_value"]
