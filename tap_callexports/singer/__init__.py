"""Singer's files and messages: config, catalog, state, output."""
