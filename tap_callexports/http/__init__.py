"""From a question to its whole, decoded reply. Knows no window, no state and no Singer message.

Of a stream it knows the name, for what it says.
"""
