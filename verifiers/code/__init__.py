"""Sources that judge programs by running them in a sandbox: see ``programs``, ``quality``."""
