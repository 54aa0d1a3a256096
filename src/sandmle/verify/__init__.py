"""Verification: a draft goes in, checks, measured ladder and bars come out."""

from __future__ import annotations

from sandmle.verify.battery import verify_draft

__all__ = ["verify_draft"]
