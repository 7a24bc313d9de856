"""The scripts that make bash, zsh and fish ask `mstore __complete` what may come next.

Its answer has a line for each candidate, in zsh and fish with a tab and what it means after it; the one line ":files"
stands for whatever the shell offers for paths. The command is called by the name that was typed, so that the completion
is that of the very installation.
"""

from collections.abc import Mapping

__all__ = ["SCRIPTS"]

# bash splits words at "@" and "=", so the line goes over as it was typed, and what readline will not replace comes back
# without it.
_BASH = """\
_mstore() {
    local answer candidate
    COMPREPLY=()
    answer=$("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null) || return 0
    if [ "$answer" = :files ]; then
        compopt -o default 2>/dev/null
    elif [ -n "$answer" ]; then
        while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done <<<"$answer"
    fi
}
complete -F _mstore mstore
"""

_ZSH = """\
#compdef mstore
_mstore() {
    local answer line
    local -a values shown
    answer=$("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)
    if [[ $answer == :files ]]; then
        _files
        return
    fi
    for line in "${(@f)answer}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\\t'*}")
        shown+=("${line/$'\\t'/  -- }")
    done
    (( $#values )) && compadd -l -d shown -- "${values[@]}"
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _mstore "$@"; else compdef _mstore mstore; fi
"""

_FISH = """\
function __mstore_complete
    set -l before (commandline -opc)
    set -l answer (command $before[1] __complete fish $before[2..-1] (commandline -ct) 2>/dev/null </dev/null)
    if test "$answer" = :files
        __fish_complete_path (commandline -ct)
    else if set -q answer[1]
        printf '%s\\n' $answer
    end
end
complete -c mstore -f -a '(__mstore_complete)'
"""

SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""Shell → its script."""
