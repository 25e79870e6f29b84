"""What any windowed export needs. Knows no provider.

Its five parts (time, rows, http, singer, progress) know no more of each other than
`tests/test_layers.py` allows; the modules beside them put them together.
"""
