"""`python -m streams` is the command `floorwatch`."""

from streams.cli import main

main()
