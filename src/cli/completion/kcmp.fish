# Completion of kcmp for fish: kcmp completion fish | source
function __kcmp_candidates
    set -l words (commandline -opc) (commandline -ct)
    $words[1] completion fish -- $words[2..-1] 2>/dev/null
end
complete -c kcmp -k -a '(__kcmp_candidates)'
