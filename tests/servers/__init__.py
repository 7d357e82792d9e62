"""Real servers for the tests, the acceptance tests and the benchmarks; all from PyPI wheels."""
