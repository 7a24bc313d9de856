"""Those who save and load, each behind the same two verbs, each imported only in an environment that has it."""
