"""Where the samples of a file are judged: on this machine, or by actors of Ray."""

from .choose import open_engine
from .contract import LOCAL, Engine, EngineName, EngineOptions

__all__ = ["LOCAL", "Engine", "EngineName", "EngineOptions", "open_engine"]
