#compdef kcmp
# Completion of kcmp for zsh: kcmp completion zsh > a folder of $fpath/_kcmp, or source <(kcmp completion zsh)
_kcmp() {
  local line
  local -a described
  for line in "${(@f)$(_call_program kcmp ${(q)words[1]} completion zsh -- ${(q)words[2,CURRENT-1]} ${(q)PREFIX} 2>/dev/null)}"; do
    [[ -n $line ]] && described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  (( $#described )) && _describe -t candidates kcmp described -U || _files
}
if [[ $funcstack[1] == _kcmp ]]; then _kcmp "$@"; else compdef _kcmp kcmp; fi
