"""The nodes of a Ray cluster that play: started as they come, left out when they fail."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandmle.core.errors import InfraError, UsageError
from sandmle.rollout.ray_cluster import Cluster, ClusterNode, NodeLost, RayOptions, ask
from sandmle.rollout.ray_node import VERSIONS, Share, Trouble

_PAUSE_SECONDS = 2.0
"""Before an actor is started again: Ray lists a dead node as alive for a while."""
_CLOSE_SECONDS = 15.0
"""How long actors may take to end their sandboxes before they are killed."""


@dataclass(eq=False)
class Player:
    """An actor that plays."""

    node: ClusterNode
    actor: Any
    room: int
    """How many more episodes it takes."""
    failed: set[str] = field(default_factory=set)
    """Tasks that failed on its sandbox since the last episode that did not."""


class Players:
    """All actors of a run.

    Args:
        cluster: The cluster.
        options: How it is used.
        arguments: For the actors.
        say: Told which nodes join, are lost and are left out.
    """

    def __init__(
        self,
        cluster: Cluster,
        options: RayOptions,
        arguments: tuple[object, ...],
        *,
        say: Callable[[str], None],
    ) -> None:
        self.ready: list[Player] = []
        self.starting: dict[str, asyncio.Task[None]] = {}
        """Tasks that end when a node is ready or left out, by its id."""
        self._cluster = cluster
        self._options = options
        self._arguments = arguments
        self._say = say
        self._actors: dict[str, Any] = {}
        self._falls: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._left_out: dict[str, Trouble] = {}
        self._names: dict[str, str] = {}
        self._last_hope = time.monotonic()

    async def look(self) -> None:
        """Start actors on nodes that have none.

        Raises:
            UsageError: If no node accepts the settings.
            InfraError: If there is no node to play on, and none came in the time to wait.
        """
        nodes = await asyncio.to_thread(self._cluster.nodes)
        now = time.monotonic()
        for node in nodes:
            self._names[node.id] = node.name
            idle = node.id not in self._actors and node.id not in self._left_out
            if idle and now >= self._not_before.get(node.id, now):
                self.starting[node.id] = asyncio.create_task(self._start(node))
        if self.ready or self.starting:
            self._last_hope = now
            return
        if nodes and all(node.id in self._left_out for node in nodes):
            raise self._no_node([self._left_out[node.id] for node in nodes])
        if now - self._last_hope > self._options.wait_seconds:
            least = self._options.num_cpus or 1
            raise InfraError(
                f"the Ray cluster has had no node with {least:g} processors free of failures for "
                f"{self._options.wait_seconds:g} s; look at `ray status`. What is finished is "
                "kept: the same command goes on"
            )

    def retire(self, player: Player, why: str) -> None:
        """Give a node up; it is started again after a pause, unless it falls too often."""
        if player not in self.ready:
            return
        self.ready.remove(player)
        node = player.node
        self._cluster.kill(self._actors.pop(node.id))
        self._falls[node.id] += 1
        if self._falls[node.id] >= self._options.starts:
            self._leave_out(node, Trouble(f"it failed {self._falls[node.id]} times, last: {why}"))
            return
        self._not_before[node.id] = time.monotonic() + _PAUSE_SECONDS
        self._say(f"{node.name} was lost ({why}); its episodes are given to other nodes")

    def praise(self, player: Player) -> None:
        """Note that a node has played an episode to its end."""
        player.failed.clear()
        self._falls.pop(player.node.id, None)

    async def close(self) -> None:
        """End every actor with its episodes and its sandbox; none is left when this returns."""
        try:
            for start in self.starting.values():
                start.cancel()
            if self.starting:
                await asyncio.wait(self.starting.values())
            closing = [asyncio.create_task(_close(actor)) for actor in self._actors.values()]
            if closing:
                await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
        finally:
            for actor in self._actors.values():
                self._cluster.kill(actor)
            self._actors.clear()
            self.ready.clear()

    async def _start(self, node: ClusterNode) -> None:
        options = self._options
        slots = options.slots or max(1, int(options.num_cpus or node.cpus))
        share = Share(options.concurrency, options.model_slots, slots)
        try:
            actor = self._cluster.actor(node, *self._arguments)
            self._actors[node.id] = actor
            try:
                async with asyncio.timeout(options.start_seconds):
                    answer = await ask(actor.start.remote(share))
            except TimeoutError:
                answer = Trouble(
                    f"it was not ready within {options.start_seconds:g} s; if other work has its "
                    "processors, ask for fewer (num_cpus)"
                )
            except NodeLost as exc:
                answer = Trouble(str(exc))
            if not isinstance(answer, Trouble) and answer.versions != VERSIONS:
                answer = Trouble(
                    f"it has sandmle {answer.versions[0]} with grader {answer.versions[1]}, this "
                    f"machine {VERSIONS[0]} with grader {VERSIONS[1]}; install the same"
                )
            if isinstance(answer, Trouble):
                self._cluster.kill(self._actors.pop(node.id))
                self._leave_out(node, answer)
                return
            self.ready.append(Player(node, actor, room=options.concurrency))
            self._say(f"{node.name} plays {options.concurrency} episodes at once")
        finally:
            self.starting.pop(node.id, None)

    def _leave_out(self, node: ClusterNode, trouble: Trouble) -> None:
        self._left_out[node.id] = trouble
        self._say(f"{node.name} is left out: {trouble.message}")

    def _no_node(self, troubles: list[Trouble]) -> UsageError | InfraError:
        reasons = "; ".join(dict.fromkeys(trouble.message for trouble in troubles))
        error = UsageError if all(trouble.is_usage for trouble in troubles) else InfraError
        return error(f"no node of the Ray cluster can play ({len(troubles)} left out): {reasons}")


async def _close(actor: Any) -> None:
    try:
        await ask(actor.close.remote())
    except NodeLost:
        # It has ended before.
        return
