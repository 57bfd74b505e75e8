"""Services that run programs, and how to speak to them. See ``..remote``."""
