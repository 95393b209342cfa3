"""Programs that measure; `python -m benchmarks.NAME` runs one. A package, because others install one of that name."""
