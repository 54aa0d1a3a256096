"""Scripted experts: programs put together from named parts, by what the task's evidence says.

A `Playbook` holds the parts for one kind of data. One file here is one playbook.
"""

from __future__ import annotations

from sandmle.core.registry import Registry
from sandmle.experts.playbook import Choice, Facts, Playbook, Slot, read_facts

PLAYBOOKS: Registry[Playbook] = Registry("playbook", "sandmle.experts")
"""All playbooks by name."""

__all__ = ["PLAYBOOKS", "Choice", "Facts", "Playbook", "Slot", "read_facts"]
