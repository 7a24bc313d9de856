"""What each verb does: ask the store, hand the answer to the output, and say what was done.

A module for each heading of the overview, as in `grammar`; a command imports the one that has its verb.
"""
