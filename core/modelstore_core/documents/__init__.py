"""The JSON documents of a store, exactly as `docs/format.md` says: bytes to values and back, nothing else."""
