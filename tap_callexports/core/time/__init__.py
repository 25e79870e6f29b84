"""Instants, the zones they are written in, and windows of them. Knows no other part of core."""
