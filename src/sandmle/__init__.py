"""sandmle: verifiable micro-scale MLE tasks, a true sandbox and dense rewards for RL of agents."""

from sandmle.version import __version__

__all__ = ["__version__"]
