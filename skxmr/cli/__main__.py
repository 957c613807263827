"""Run the command as ``python -m skxmr.cli``."""

from skxmr.cli.main import main

main()
