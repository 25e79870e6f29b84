"""What a tap is given and what it writes: config, state, messages. Knows no HTTP, no provider."""
