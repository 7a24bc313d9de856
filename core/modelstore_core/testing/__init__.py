"""What third parties hold their own backend to, and what our own tests stand on.

Nothing here is imported by the rest of the package, and nothing here needs more than the standard library.
"""
