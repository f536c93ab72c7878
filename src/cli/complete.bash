# Completion of simctl for bash: source <(simctl completions bash)
_simctl() {
    # Bash parts words at = and : too. simctl's own have them inside.
    local rest="${COMP_LINE:0:COMP_POINT}" words=() last=-1 at before piece
    for ((at = 0; at <= COMP_CWORD; at++)); do
        before="$rest"
        rest="${rest#"${rest%%[![:space:]]*}"}"
        piece="${COMP_WORDS[at]}"
        # The last word as far as the cursor.
        [[ $at == "$COMP_CWORD" ]] && piece="$rest"
        if [[ $at == 0 || "$before" != "$rest" ]]; then
            last=$((last + 1))
            words[last]="$piece"
        else
            words[last]="${words[last]}$piece"
        fi
        rest="${rest#"$piece"}"
    done
    # Bash replaces what comes after the last of its breaks.
    local current="${words[last]}" breaks="" kept="" reply
    [[ "$COMP_WORDBREAKS" == *:* ]] && breaks+=":"
    [[ "$COMP_WORDBREAKS" == *=* ]] && breaks+="="
    if [[ -n "$breaks" && "$current" == *[$breaks]* ]]; then
        kept="${current%"${current##*[$breaks]}"}"
    fi
    COMPREPLY=()
    while IFS= read -r reply; do
        # Whatever an app calls its things, bash must take it as one word that says nothing to it.
        [[ "$reply" == *[^][:alnum:]_./:=,+@%[-]* ]] && printf -v reply '%q' "$reply"
        COMPREPLY+=("${reply#"$kept"}")
    done < <(SIMCTL_COMPLETE=bash _CLAP_COMPLETE_INDEX=$last simctl -- "${words[@]}" 2>/dev/null)
    # What ends so goes on.
    if [[ ${#COMPREPLY[@]} == 1 && "${COMPREPLY[0]}" == *[=/:.] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _simctl simctl
