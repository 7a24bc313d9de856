"""The verbs that look after a store."""

from modelstore_core.cli.grammar.parts import DRY_RUN, KEY, REASON, SOME_NAME, Verb, flag, option, yes

__all__ = ["VERBS"]

VERBS = (
    Verb(
        form="prune [NAME]",
        what="delete the versions that are too many or too old",
        more="What is among the newest N, or younger than D, or what an alias points to, stays. "
        "`mstore restore` brings versions back until they are collected.",
        examples=("risk.churn --keep 30 --dry-run", "--keep 10 --older-than 90d --yes"),
        words=(
            SOME_NAME,
            option("--keep", "N", "how many of the newest live versions stay", type=int),
            option("--older-than", "D", "what is younger stays: 90d, 12w, 36h"),
            DRY_RUN,
            yes(),
            REASON,
            KEY,
        ),
        methods=("prune",),
    ),
    Verb(
        form="collect [NAME]",
        what="remove the files that no version needs, for good",
        more="Those of deleted and superseded versions that no alias points to, of saves that never ended, and "
        "half-sent uploads. Safe at any time, beside any writer. `mstore gc` is the same.",
        examples=("--dry-run", "risk.churn --older-than 7d --yes"),
        words=(
            SOME_NAME,
            option("--older-than", "D", "what is younger stays; 24h if left out", default="24h"),
            DRY_RUN,
            yes(),
        ),
        methods=("collect",),
        other="gc",
    ),
    Verb(
        form="verify [NAME]",
        what="look whether everything is there, and what it was",
        more="Commits, what follows from them, and that each file is there and of its size; with --read-data their "
        "bytes. Ends with code 10 if something is damaged, or still to be repaired.",
        examples=("", "risk.churn --read-data", "--read-data 3/7 --json", "--repair"),
        words=(
            SOME_NAME,
            option(
                "--read-data",
                "N/T",
                "compare every file's sha256; N/T: of the N-th of T shares only",
                nargs="?",
                const=True,
                default=False,
            ),
            flag("--repair", "write anew what follows from the log; nothing else"),
            option("--head", "SHA256", "a commit's that was the newest of NAME once: is it still there?"),
        ),
        methods=("verify",),
    ),
    Verb(
        form="doctor",
        what="try on the storage what a store needs of it",
        more="Each finding says what to do. What is written for it is deleted again; with --read-only nothing is "
        "written. Ends with code 10 if something fails.",
        examples=("", "--read-only --store s3://bucket/prefix"),
        methods=("doctor",),
    ),
    Verb(
        form="maintain [NAME]",
        what="make long histories fast to list",
        more="Writes listings of all versions in a few large objects, and blocks of commits where one is missing. "
        "Never needed for a right answer. Safe at any time, beside any writer.",
        examples=("risk.churn", "--json"),
        words=(SOME_NAME,),
        methods=("maintain",),
    ),
)
