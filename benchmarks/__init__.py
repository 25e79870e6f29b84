"""How fast and how lean the tap is beside others: `python -m benchmarks`, or `make bench`."""
