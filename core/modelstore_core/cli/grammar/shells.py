"""The verb that makes shells know all others."""

from modelstore_core.cli.grammar.parts import Verb, operand

__all__ = ["SHELLS", "VERBS"]

SHELLS = ("bash", "zsh", "fish")

VERBS = (
    Verb(
        form="completion SHELL",
        what="print what makes a shell complete the words of mstore",
        more="It completes verbs, options, models, aliases, numbers, fields and stores. Put it where the shell reads "
        "it:\n"
        '  bash  eval "$(mstore completion bash)"   in ~/.bashrc\n'
        '  zsh   eval "$(mstore completion zsh)"    in ~/.zshrc, after compinit\n'
        "  fish  mstore completion fish > ~/.config/fish/completions/mstore.fish",
        examples=tuple(SHELLS),
        words=(operand("shell", "SHELL", "bash, zsh or fish", choices=SHELLS),),
    ),
)
