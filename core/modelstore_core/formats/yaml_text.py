"""YAML as MLflow writes and reads it: the only module that imports a YAML parser, and only when asked to."""

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.missing import missing_library

__all__ = ["parse_yaml"]


def parse_yaml(text: str, where: str) -> object:
    """The document as plain values; tags that would construct anything else are refused by the parser.

    Args:
        text: The document.
        where: What to call it in an error.

    Raises:
        InvalidInput: It is no YAML of plain values.
        MissingExtra: No parser is installed.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise missing_library("yaml", f"Reading {where!r}") from error
    try:
        # as MLflow reads it, so that both see the same document
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{where!r} is no YAML: {error}.", value=where) from error
    return document
