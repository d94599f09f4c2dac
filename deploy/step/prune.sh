# This release has answered: it is what a later one that fails goes back to. Remove what neither the current release nor the previous one uses; only what bears a digest for its name is ours.
each() { # FOLDER: the names in it that are digests
    for at in "$1"/*; do
        name=${at##*/}
        case $name in *[!0-9a-f]*) continue ;; esac
        case ${#name} in 16 | 64) printf '%s\n' "$name" ;; esac
    done
}
printf '%s' "$release" >"$opt/good.new"
mv "$opt/good.new" "$opt/good"
keep() { case $1 in *" $2 "*) return 0 ;; *) return 1 ;; esac; } # LIST NAME
used_releases=" $(basename "$(readlink "$opt/current")") $(basename "$(readlink "$opt/previous" 2>/dev/null)" 2>/dev/null) "
used_venvs=' ' used_configs=' ' used_wheels=' '
for name in $(each "$opt/releases"); do
    at="$opt/releases/$name"
    keep "$used_releases" "$name" || { rm -rf "$at"; continue; }
    used_venvs="$used_venvs$(basename "$(readlink "$at/venv")") $(cat "$at/venv/base" 2>/dev/null || :) "
    used_configs="$used_configs$(basename "$(readlink "$at/config")") "
done
for name in $(each "$opt/venvs"); do
    keep "$used_venvs" "$name" || { rm -rf "$opt/venvs/$name"; continue; }
    used_wheels="$used_wheels$(tr '\n' ' ' 2>/dev/null <"$opt/venvs/$name/wheels" || :) "
done
for name in $(each "$etc"); do keep "$used_configs" "$name" || rm -rf "${etc:?}/$name"; done
for name in $(each "$opt/wheels"); do keep "$used_wheels" "$name" || rm -rf "$opt/wheels/$name"; done
rm -rf "${incoming:?}"
