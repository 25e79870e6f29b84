"""The JSON schema of each stream, in a file of its name."""
