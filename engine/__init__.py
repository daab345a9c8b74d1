"""The engine: bytes and instants in, figures out. No I/O, no clock, no dice, no import of ours from outside."""
