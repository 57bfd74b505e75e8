"""Parts of ``code_hacks.py`` and ``sandbox.py``: other graders, where they run, measurements."""
