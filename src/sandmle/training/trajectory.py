"""From an episode to what a trainer reads: one row of tokens, which of them are the model's own.

One completion is the whole conversation after the first prompt: the model's turns as they were
sampled, and between them what the tools said. Nothing is tokenised again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.policy import Tokens


@dataclass(frozen=True)
class Trajectory:
    """One row; `T` counts the tokens after the prompt."""

    prompt_ids: tuple[int, ...]
    ids_T: tuple[int, ...]
    own_T: tuple[int, ...]
    """1 for tokens that the model sampled, 0 for those that it was shown."""
    logprobs_T: tuple[float, ...]
    """Of the model's own tokens when they were sampled; 0 for the others."""
    reward: float | None
    """None: masked. The row is left out of its group's mean and has no advantage."""


def trajectory(episode: Episode, *, empty_id: int) -> Trajectory:
    """Put an episode's turns into one row.

    Where the history was rewritten between two turns (a context that was shortened, a branch of a
    tree), the row begins anew at the later turn: the tokens that were sampled after what the model
    really saw stay together, and those before the last rewriting are not trained on.

    Args:
        episode: An episode whose steps hold tokens.
        empty_id: A token for the row of an episode without a single turn; it is not trained on.

    Raises:
        UsageError: If a turn has no tokens.
    """
    turns = [_tokens(episode, index) for index in range(len(episode.steps))]
    reward = None if episode.reward is None else episode.reward.total
    if not turns:
        return Trajectory((empty_id,), (empty_id,), (0,), (0.0,), None)
    chain = unbroken(turns)
    prompt = chain[0].prompt_ids
    ids: list[int] = []
    own: list[int] = []
    logprobs: list[float] = []
    for turn in chain:
        shown = turn.prompt_ids[len(prompt) + len(ids) :]
        ids += [*shown, *turn.ids]
        own += [0] * len(shown) + [1] * len(turn.ids)
        logprobs += [0.0] * len(shown) + list(turn.logprobs)
    return Trajectory(prompt, tuple(ids), tuple(own), tuple(logprobs), reward)


def unbroken(turns: Sequence[Tokens]) -> Sequence[Tokens]:
    """Return the last turns of which each one's prompt starts with all that came before."""
    start = 0
    for index in range(1, len(turns)):
        before = (*turns[index - 1].prompt_ids, *turns[index - 1].ids)
        if turns[index].prompt_ids[: len(before)] != before:
            start = index
    return turns[start:]


def rewritten(episodes: Iterable[Episode]) -> int:
    """Count the episodes of which an earlier part is not trained on; see `trajectory`."""
    return sum(
        len(unbroken([_tokens(episode, index) for index in range(len(episode.steps))]))
        < len(episode.steps)
        for episode in episodes
    )


def _tokens(episode: Episode, index: int) -> Tokens:
    tokens = episode.steps[index].tokens
    if tokens is None:
        raise UsageError(
            f"turn {index} of {episode.task_id} (replica {episode.replica}) has no token ids; "
            "train on a policy that records them: a local model, or a server asked for token ids"
        )
    return tokens
