# What of a release is not on this board yet. Only reads; `missing FILE` to be copied, `differs WHAT` to be done.
differs() { printf 'differs %s\n' "$1"; }
same() { [ "$(sha256sum 2>/dev/null <"$1" | cut -c 1-64)" = "$2" ]; }
want() { # NAME SUM PLACE: to be copied, unless it is in its place or arrived in an earlier attempt
    same "$3" "$2" || same "$incoming/$1" "$2" || printf 'missing %s\n' "$1"
}
while read -r sum name; do
    want "$name" "$sum" "$opt/wheels/$sum/$name"
done <<END
$wheels
END
[ -f "$opt/venvs/$base/complete" ] || differs "environment of the requirements"
[ -f "$opt/venvs/$venv/complete" ] || differs "environment of firetower"
while read -r sum mode whose name; do
    file="$etc/$config/$name"
    want "$name" "$sum" "$file"
    same "$file" "$sum" || { differs "configuration: $name"; continue; }
    [ "$(stat -c '0%a %U:%G' "$file")" = "$mode $whose" ] || differs "mode or owner: $name"
done <<END
$files
END
[ "$(stat -c '%a %U:%G' "$etc/$config" 2>/dev/null)" = "750 $owner:$group" ] || differs "mode or owner: configuration's folder"
want "$service" "$unit_sum" "$opt/releases/$release/$service"
want journald.conf "$journald_sum" "$journald"
[ "$(readlink "$opt/current")" = "releases/$release" ] || differs "release"
[ "$(cat "$opt/started" 2>/dev/null)" = "$release" ] || differs "it has not been started"
same "$unit" "$unit_sum" || differs "unit"
same "$journald" "$journald_sum" || differs "log limits"
[ "$(systemctl is-enabled "$service" 2>/dev/null)" = enabled ] || differs "start at boot"
[ "$(systemctl is-active "$service" 2>/dev/null)" = active ] || differs "the service is not running"
