"""What a running program asks from outside: advice, Merkle paths, events.

Two hosts speak one protocol. :class:`AdviceHost` is the live one: advice stack, map and Merkle store, which events
change. :class:`ReplyHost` replays recorded answers. Looking code up is left to the processor. Source: spec 06.
"""

from __future__ import annotations

from reference.host.advice import AdviceHost
from reference.host.protocol import Host
from reference.host.replies import ReplyHost

__all__ = ["AdviceHost", "Host", "ReplyHost"]
