"""The engine's tests: properties against the oracle, then one sentence a test for each part."""
