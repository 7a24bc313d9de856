"""Write core/modelstore_core/formats/spacy_names.txt: what the configuration of a spaCy pipeline may name.

Of what lies in spaCy's registries, only what spaCy itself put there, and only what pipelines are made of. What reads a
file, what trains and what spaCy looks up elsewhere is left out.

    .venv-formats/spacy/bin/python tools/generate_spacy_names.py   # after `make test-formats FRAMEWORKS=spacy KEEP=1`
"""

import pathlib
from collections.abc import Iterator

import spacy

TARGET = pathlib.Path(__file__).resolve().parents[1] / "core" / "modelstore_core" / "formats" / "spacy_names.txt"
WHOLE = ("architectures", "batchers", "factories", "scorers", "vectors")
# parts of training alone
REFUSED = frozenset({"nn_labeller", "spacy.PretrainCharacters.v1", "spacy.PretrainVectors.v1"})
# registries of which some functions read files, or call what they are given
SOME = {
    "layers": (
        "spacy.FeatureExtractor.v1",
        "spacy.LinearLogistic.v1",
        "spacy.StaticVectors.v2",
        "spacy.mean_max_reducer.v1",
    ),
    # every configuration has a section for training: loading checks its names, and calls nothing in it
    "loggers": ("spacy.ConsoleLogger.v1",),
    "misc": (
        "spacy.CandidateBatchGenerator.v1",
        "spacy.CandidateGenerator.v1",
        "spacy.EmptyKB.v1",
        "spacy.EmptyKB.v2",
        "spacy.first_longest_spans_filter.v1",
        "spacy.ngram_range_suggester.v1",
        "spacy.ngram_suggester.v1",
    ),
    "optimizers": ("Adam.v1",),
    "readers": ("spacy.Corpus.v1",),
    "schedules": ("compounding.v1", "constant.v1", "constant_then.v1", "decaying.v1", "warmup_linear.v1"),
    "tokenizers": ("spacy.Tokenizer.v1",),
}
OWN = ("spacy", "spacy_legacy", "thinc")


def names() -> Iterator[str]:
    """The names of all such functions and factories."""
    spacy.blank("en")  # fills the registries
    for kind in WHOLE:
        for name, function in getattr(spacy.registry, kind).get_all().items():
            of_one_language = kind == "factories" and "." in name
            if function.__module__.partition(".")[0] == "spacy" and name not in REFUSED and not of_one_language:
                yield name
    for kind, wanted in SOME.items():
        for name in wanted:
            function = spacy.registry.get(kind, name)
            if function.__module__.partition(".")[0] not in OWN:
                raise SystemExit(f"{name} is of {function.__module__}, which is none of spaCy's own.")
            yield name


def main() -> None:
    """Collect the names and write the file."""
    header = "# What the configuration of a spaCy pipeline may name. Written by tools/generate_spacy_names.py.\n"
    TARGET.write_text(header + "".join(f"{name}\n" for name in sorted(set(names()))), encoding="utf-8")


if __name__ == "__main__":
    main()
