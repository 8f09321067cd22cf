# Completion of kcmp for bash: source <(kcmp completion bash)
_kcmp() {
  local line=${COMP_LINE:0:COMP_POINT} colon='' candidate description
  local -a words candidates described
  # Not COMP_WORDS, in which a colon is a word of its own.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local word=${words[${#words[@]} - 1]}
  [[ $word == *:* && $COMP_WORDBREAKS == *:* ]] && colon=${word%"${word##*:}"}
  while IFS=$'\t' read -r candidate description; do
    candidate=${candidate#"$colon"}
    candidates+=("$candidate")
    described+=("$candidate${description:+  ($description)}")
  done < <("${COMP_WORDS[0]}" completion bash -- "${words[@]:1}" 2>/dev/null)
  COMPREPLY=("${candidates[@]}")
  # Where they are listed, and not put in one after the other, they are told apart.
  if ((${#candidates[@]} > 1)) && [[ $COMP_TYPE != 37 && $COMP_TYPE != 42 ]]; then
    COMPREPLY=("${described[@]}")
    # Processes found by their name have nothing in common with what was typed, which is to stay.
    [[ ${candidates[0]} != "${word#"$colon"}"* ]] && COMPREPLY+=("$word")
  fi
  # A process may go on with one of its descriptors.
  [[ ${candidates[0]} =~ ^[0-9]+$ && -z $colon ]] && compopt -o nospace
}
complete -o default -F _kcmp kcmp
