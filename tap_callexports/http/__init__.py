"""Sends requests and decodes responses."""
