"""Trajectories as chats: what a model was shown and what it said, for supervised learning.

Nothing is written anew here: the messages are those of the episodes' records, so that a model that
is trained on them meets in its own episodes what it has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.policy import Message
from sandmle.core.record import Record
from sandmle.evaluation import family_of

Chat = list[dict[str, Any]]
"""Messages in the conventional form: `role`, `content`, and of native calls `tool_calls`."""


class ChatRow(Record):
    """One trajectory; the fields are the columns of the files."""

    messages: Chat
    """What was shown and said, in order; the last message is the model's."""
    task_id: str
    family: str
    replica: int
    """Which episode of the task it is, from 0."""
    branch: int
    """Which path of the episode it is, from 0; only tree searches have several."""
    scaffold: str
    policy: str
    reward: float
    medal: str
    """none, bronze, silver or gold."""
    valid: bool
    """Whether the submission could be scored."""
    stop_reason: str
    turns: int
    """Messages of the model."""


class FamilyLine(Record):
    """What the trajectories of a family are worth."""

    family: str
    trajectories: int
    mean_reward: float
    medal_rate: float
    """Share with any medal, in [0, 1]."""
    mean_turns: float


def chat_rows(episodes: Iterable[Episode], *, min_reward: float | None = None) -> list[ChatRow]:
    """Return the trajectories of episodes, by task, replica and branch.

    Episodes without a reward or without a turn are left out. Where what the model saw was shortened
    on the way, a trajectory is what it saw before its last turn, and that turn.

    Args:
        episodes: The episodes.
        min_reward: Leave out those that earned less.

    Raises:
        UsageError: If no trajectory is left.
    """
    episodes = list(episodes)
    paid = [episode for episode in episodes if episode.reward is not None and episode.steps]
    rows = [row for episode in paid for row in _rows(episode)]
    kept = [row for row in rows if min_reward is None or row.reward >= min_reward]
    if not kept:
        best = f"; the best earned {max(row.reward for row in rows):g}" if rows else ""
        bound = "" if min_reward is None else f" and a reward of at least {min_reward:g}"
        raise UsageError(
            f"none of {len(episodes)} episodes has turns, a reward{bound}{best}; "
            "lower --min-reward or play others"
        )
    return sorted(kept, key=lambda row: (row.task_id, row.replica, row.branch))


def by_family(rows: Sequence[ChatRow]) -> list[FamilyLine]:
    """Return what the trajectories of every family are worth, by name, and `all` of them last."""
    families = sorted({row.family for row in rows})
    groups = [(name, [row for row in rows if row.family == name]) for name in families]
    return [_line(name, group) for name, group in [*groups, ("all", list(rows))]]


def _line(name: str, rows: Sequence[ChatRow]) -> FamilyLine:
    return FamilyLine(
        family=name,
        trajectories=len(rows),
        mean_reward=float(np.mean([row.reward for row in rows])),
        medal_rate=float(np.mean([row.medal != "none" for row in rows])),
        mean_turns=float(np.mean([row.turns for row in rows])),
    )


def _rows(episode: Episode) -> Iterator[ChatRow]:
    if episode.reward is None:
        return
    grade = episode.grade
    for branch, path in enumerate(episode.branches()):
        last = path[-1]
        index = next(i for i, step in enumerate(episode.steps) if step is last)
        said = (*episode.seen(index), last.messages[0])
        yield ChatRow(
            messages=[_plain(message) for message in said],
            task_id=episode.task_id,
            family=family_of(episode.task_id),
            replica=episode.replica,
            branch=branch,
            scaffold=episode.scaffold,
            policy=episode.policy,
            reward=episode.reward.total,
            medal="none" if grade is None else grade.medal.name.lower(),
            valid=grade is not None and grade.valid,
            stop_reason=episode.stop_reason,
            turns=sum(message.role == "assistant" for message in said),
        )


def _plain(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    return plain
