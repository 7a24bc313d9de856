"""What the log means: versions, aliases, gates, and the verbs that extend it."""
