"""Statistics, log lines and the progress bar."""
