"""Singer tap for call records of voice platforms."""
