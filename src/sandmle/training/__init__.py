"""Training a policy on its own episodes: trajectories, groups, curriculum, and the trainer.

Needs the extra `train`. Only `trl_adapter` imports TRL.
"""
