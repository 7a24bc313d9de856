"""The facade: every public verb, over one folder or bucket."""
