"""A model's log: read to its head, appended to by create-if-absent, announced by a hint. Knows no verb."""
