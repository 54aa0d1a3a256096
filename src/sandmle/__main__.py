"""`python -m sandmle` is the command `sandmle`."""

from sandmle.cli import main

main()
