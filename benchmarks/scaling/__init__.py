"""What many accounts with many calls take: the tap's own plans, carried out on paper."""
