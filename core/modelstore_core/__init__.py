"""Versioned models in a folder or a bucket, with no server."""
