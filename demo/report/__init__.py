"""A page about all calls of a warehouse, drawn from the table `calls` of the dbt project.

Run it with `make report`; the demo draws its own page with the same code.
"""
