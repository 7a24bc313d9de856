"""Reading what other tools have stored, and saving it as versions: from modelstore, from MLflow, from plain files.

Everything here reads the source without writing to it, unpickles nothing, and reaches the store by its public verbs.
"""
