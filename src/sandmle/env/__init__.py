"""One task in one sandbox: the tools that an agent has, what they answer, and the final grade."""

from sandmle.env.environment import Environment, Observation
from sandmle.env.submissions import SubmissionRule

__all__ = ["Environment", "Observation", "SubmissionRule"]
