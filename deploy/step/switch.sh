# Make a release the current one and start it; `systemctl restart` returns when the service is READY or has failed.
put() { # FROM TO: a copy, only where it differs
    cmp -s "$1" "$2" && return 0
    install -d -m 0755 "$(dirname "$2")"
    install -m 0644 "$1" "$2.new"
    mv "$2.new" "$2"
}
rm -f "$opt/started"
at=$(readlink "$opt/current" 2>/dev/null || true)
if [ "$at" != "releases/$release" ]; then
    [ -z "$at" ] || [ "$remember" = no ] || ln -sfn "$at" "$opt/previous"
    ln -sfn "releases/$release" "$opt/current.new"
    mv -T "$opt/current.new" "$opt/current"
fi
put "$opt/current/$service" "$unit"
sync -f "$opt"
systemctl daemon-reload
systemctl enable --quiet "$service"
if [ "$start" = no ]; then systemctl stop "$service"; else systemctl restart "$service"; fi
printf '%s' "$release" >"$opt/started"
