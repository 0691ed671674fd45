"""`python -m lookalike.cli` is the command `lookalike`."""

from lookalike.cli import main

main()
