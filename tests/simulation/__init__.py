"""One seed decides a centre, a delivery and every fault; the real service lives through it and is compared with the truth.

Owns no figure: `world.run(seed)` raises AssertionError where the real code and the oracle differ. No wall clock, no
order of hashes and no timing of threads decides anything, so a seed is the same run wherever it is run.
"""
