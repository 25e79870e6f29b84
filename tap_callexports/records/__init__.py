"""From a provider's rows to records. Knows no HTTP, no time range and no stream."""
