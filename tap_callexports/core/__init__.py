"""What any windowed export needs: windows, HTTP manners, normalisation, state. Knows no provider."""
