# Make a release the current one and start it; `systemctl restart` returns when the service is READY or has failed.
put() { # FROM TO: a copy, only where it differs
    cmp -s "$1" "$2" && return 0
    install -d -m 0755 "$(dirname "$2")"
    install -m 0644 "$1" "$2.new"
    mv "$2.new" "$2"
}
as_user() { # COMMAND: as the service's user
    if [ "$(id -un)" = "$user" ]; then "$@"; else
        setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --clear-groups --no-new-privs "$@"
    fi
}
schema() { # RELEASE: the newest of the store's schemas that it knows; 0 where it does not say
    cd / && as_user "$opt/$1/venv/bin/python" -I -c \
        'from edge.alert.database import MIGRATIONS; print(len(MIGRATIONS))' 2>/dev/null || echo 0
}
rm -f "$opt/started"
at=$(readlink "$opt/current" 2>/dev/null || true)
# An older release does not open a newer store. The one that runs takes it back; if it cannot, nothing is switched.
if [ -n "$at" ] && [ "$at" != "releases/$release" ] && [ -e "$store" ]; then
    knows=$(schema "releases/$release")
    if [ "$knows" -gt 0 ] && [ "$(schema "$at")" -gt "$knows" ]; then
        systemctl stop "$service"
        as_user "$opt/$at/venv/bin/python" -I -m edge.alert.rollback "$store" "$knows" || {
            [ "$start" = no ] || systemctl start "$service"
            exit 1
        }
    fi
fi
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
