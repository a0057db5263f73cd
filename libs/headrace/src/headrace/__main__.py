"""The command line as `python -m headrace`."""

from headrace.cli import main

main()
