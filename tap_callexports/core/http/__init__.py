"""From a question to its whole, decoded answer. Knows no window, no stream and no Singer."""
