"""What `mstore` understands, as data: its verbs, their operands and options, and the help of each.

Nothing here carries anything out: help and completion need the words alone, and must answer at once.
"""
