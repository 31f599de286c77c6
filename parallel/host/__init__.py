"""The host of the parallel engine: what advice pops, Merkle paths and events answer (spec 06)."""

from parallel.host.live import LiveHost
from parallel.host.protocol import Host, View
from parallel.host.scripted import ScriptedHost

__all__ = ["Host", "LiveHost", "ScriptedHost", "View"]
