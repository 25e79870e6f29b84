"""Makes records of a provider's rows."""
