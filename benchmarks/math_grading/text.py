"""The last box of a response, for graders that have no extraction of their own."""

from __future__ import annotations

__all__ = ["boxed"]


def boxed(response: str) -> str:
    """The inside of the last box, by counting braces; "" where there is none that ends."""
    start = response.rfind("\\boxed{")
    depth = 0
    for place in range(start + 6, len(response)) if start >= 0 else ():
        depth += (response[place] == "{") - (response[place] == "}")
        if depth == 0:
            return response[start + 7 : place]
    return ""
