"""What any windowed export needs: windows, HTTP, normalisation, state. Knows no provider."""
