"""Ladders: the scripts that an engineer would try on one family of tasks, one file each."""
