"""Right answers, wrong answers and attacks for ``acme.palindrome``, by category.

``assay audit acme.palindrome`` judges them and prints how many wrong ones pass and how many right
ones fail. Add a case for every answer that was ever judged wrongly.
"""

from collections.abc import Iterator

from assay import AuditCase, audit_table


@audit_table("acme.palindrome")
def palindrome_cases() -> Iterator[AuditCase]:
    """Texts that read the same backwards, that nearly do, and that only look so."""
    yield from AuditCase.right("sentences", "Never odd or even", "A man, a plan, a canal: Panama!")
    yield from AuditCase.right("words", "level", "Anna", "noon", "x")
    yield from AuditCase.right("digits", "12321", "7", "1,221")
    yield from AuditCase.right("other alphabets", "топот", "たけやぶやけた", "ÄßÄ")
    yield from AuditCase.wrong("words", "assay", "levels", "ab")
    yield from AuditCase.wrong("digits", "12322", "10")
    yield from AuditCase.wrong("nothing", "", " ", "\n")
    yield from AuditCase.attack("marks alone", "!!!", "( )", "\u202e", "- - -")
    yield from AuditCase.attack("look-alikes", "n\u043e\u03bfn", "levе1")
    yield from AuditCase.attack("turned round", "\u202eyassa", "assay \u2067yassas")
