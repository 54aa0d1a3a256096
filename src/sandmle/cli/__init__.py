"""The command `sandmle`; one file per subcommand. Settings come from options alone."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    from sandmle.cli._app import app

    app()
