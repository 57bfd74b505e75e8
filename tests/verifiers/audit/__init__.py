"""Audit tables of ``math.symbolic``: right, wrong and hostile answers by category, our own wording.

``tables/*.txt`` are plain text::

    # fraction                    a category; "# name responses": whole responses, as JSON strings
    = \\frac{3}{4}                 a ground truth
    + 3/4 ;; 0.75                 right answers, each graded inside its own ``\\boxed{}``
    - 4/3 ;; 0.7                  wrong answers

Not covered here: answers that cannot be written in a line of text; see ``hostile``.
"""
