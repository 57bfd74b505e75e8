"""What ``code.quality`` asks tools: a table per language, and how Python's tools are brought along.

Every tool reads the answer inside the sandbox; here its output is read, as data.
"""
