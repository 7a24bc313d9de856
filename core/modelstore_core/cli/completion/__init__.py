"""What a shell offers while somebody types: the scripts that ask, and what answers them.

A script calls `mstore __complete SHELL …` and never shows what goes wrong there: a prompt is no place for errors.
"""
