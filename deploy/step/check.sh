# `firetower check` of the new release, as the service's user and groups; what runs meanwhile goes on.
cd /
set -- env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME="$var" STATE_DIRECTORY="$var" \
    "$opt/releases/$release/venv/bin/firetower" check "$opt/releases/$release/config/tower.toml"
if [ "$(id -un)" != "$user" ]; then
    groups=$(id -g "$user")
    more=$(getent group video | cut -d : -f 3) && [ -n "$more" ] && groups="$groups,$more"
    set -- setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --groups="$groups" --no-new-privs "$@"
fi
exec "$@"
