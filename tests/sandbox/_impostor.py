"""A node that knows the token, and a trainer for it; for tests of what each makes of the other."""

from typing import Any

from sandmle.core.task import Limits
from sandmle.sandbox._remote import RemoteNodes
from sandmle.sandbox._remote_address import LOOPBACK
from sandmle.sandbox._remote_messages import Settings
from sandmle.sandbox._remote_wire import Wire, dial
from sandmle.version import __version__

LIMITS = Limits(step_seconds=5, memory_mib=512, disk_mib=16, processes=24, output_bytes=1_000)
SETTINGS = Settings(backend="cold", python=None, slots=1, preload=None, gpus=())


class Impostor:
    """Knows the token, and answers what it wants."""

    def __init__(self, nodes: RemoteNodes, *, hello: dict[str, Any] | None = None) -> None:
        self.address = (LOOPBACK, int(nodes.reachable[0].rpartition(":")[2]))
        self.token = bytes.fromhex(nodes.token.decode())
        self.control = self.introduce("node", 1)
        self.settings = self.control.receive(seconds=5).head
        self.control.send({"slots": 1} if hello is None else hello)

    def introduce(self, role: str, number: int, changed: dict[str, Any] | None = None) -> Wire:
        wire = dial(self.address, self.token, seconds=5)
        head = {"role": role, "number": number, "node": "impostor", "version": __version__}
        wire.send({**head, **(changed or {})})
        return wire

    def session(self) -> Wire:
        """Take a session that the trainer asks for."""
        wire = self.introduce("session", self.control.receive(seconds=5).head["number"])
        wire.receive(max_payload=1 << 20, seconds=5)
        wire.send({})
        return wire
