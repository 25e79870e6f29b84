"""Backfills on an orchestrator: one run of the tap for each provider, account and month."""
