# The service's user and the folders; all that is there already stays as it is.
if ! id "$user" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir "$var" --no-create-home --shell /usr/sbin/nologin "$user"
fi
install -d -m 0755 "$opt" "$opt/wheels" "$opt/venvs" "$opt/releases"
install -d -m 0700 -o "$login" -g "$login_group" "$incoming"
install -d -m 0750 -o "$owner" -g "$group" "$etc"
install -d -m 0750 -o "$user" -g "$group" "$var"
