"""The demo: simulated platforms, exported into DuckDB by Meltano and checked value by value.

Run it with `make demo`.
"""
