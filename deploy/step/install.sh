# Check what was copied, put it in its place, and make two virtual environments: one of the wheels that firetower
# requires, which changes seldom, and a small one of firetower itself that looks into the first.
fail() { echo "$1" >&2; exit 1; }
same() { [ "$(sha256sum 2>/dev/null <"$1" | cut -c 1-64)" = "$2" ]; }
put() { # SUM MODE OWNER:GROUP FROM TO: a checked copy that appears whole or not at all
    same "$4" "$1" || fail "$(basename "$4") did not arrive whole; run the deployment again"
    install -m 0600 "$4" "$5.new" # closed until it is its owner's
    chown "$3" "$5.new"
    chmod "$2" "$5.new"
    mv "$5.new" "$5"
}
while read -r sum name; do
    same "$opt/wheels/$sum/$name" "$sum" && continue
    install -d -m 0755 "$opt/wheels/$sum"
    put "$sum" 0644 "$owner" "$incoming/$name" "$opt/wheels/$sum/$name"
    rm -f "$incoming/$name"
done <<END
$wheels
END

pip=''
while read -r sum name; do
    case $name in pip-*) pip="$opt/wheels/$sum/$name/pip" ;; esac
done <<END
$wheels
END
make() { # DIGEST: an environment of the wheels on stdin; pip runs from its own wheel and asks no network
    at="$opt/venvs/$1"
    rm -rf "$at"
    "$python" -m venv --without-pip "$at"
    while read -r sum name; do
        echo "$sum" >>"$at/wheels"
        case $name in pip-*) ;; *) echo "$opt/wheels/$sum/$name --hash=sha256:$sum" ;; esac
    done >"$at/requirements.txt"
    "$at/bin/python" "$pip" --isolated --disable-pip-version-check --quiet \
        install --require-hashes --no-index --no-deps --no-cache-dir --root-user-action=ignore \
        --no-warn-script-location --requirement "$at/requirements.txt" >&2
}
seal() { # DIGEST: it is complete once all of it is on the disk
    sync -f "$opt/venvs/$1"
    touch "$opt/venvs/$1/complete"
}
site="lib/python$python_minor/site-packages"
if [ ! -f "$opt/venvs/$base/complete" ]; then
    echo "$wheels" | grep -v '^[^ ]* firetower-' | make "$base"
    seal "$base"
fi
if [ ! -f "$opt/venvs/$venv/complete" ]; then
    echo "$wheels" | grep '^[^ ]* firetower-' | make "$venv"
    echo "import site; site.addsitedir('$opt/venvs/$base/$site')" >"$opt/venvs/$venv/$site/base.pth"
    echo "$base" >"$opt/venvs/$venv/base"
    "$opt/venvs/$venv/bin/python" "$pip" --isolated --disable-pip-version-check check >&2 \
        || fail "the wheels do not fit together on this board's Python"
    seal "$venv"
fi

# The configuration's folder is made anew beside the old one, from what arrived or was there, then takes its name; one
# that is as it shall be stays, for the daemon may run on it.
is_kept() {
    [ "$(stat -c '%a %U:%G' "$etc/$config" 2>/dev/null)" = "750 $owner:$group" ] || return 1
    while read -r sum mode whose name; do
        same "$etc/$config/$name" "$sum" || return 1
        [ "$(stat -c '0%a %U:%G' "$etc/$config/$name")" = "$mode $whose" ] || return 1
    done <<END
$files
END
}
replace() {
    new="$etc/.$config"
    rm -rf "$new"
    install -d -m 0750 -o "$owner" -g "$group" "$new"
    while read -r sum mode whose name; do
        from="$incoming/$name"
        same "$from" "$sum" || from="$etc/$config/$name"
        put "$sum" "$mode" "$whose" "$from" "$new/$name"
        rm -f "$incoming/$name"
    done <<END
$files
END
    old="$etc/.$config.old"
    rm -rf "$old"
    [ ! -d "$etc/$config" ] || mv "$etc/$config" "$old"
    mv "$new" "$etc/$config"
    rm -rf "$old"
}
is_kept || replace

at="$opt/releases/$release"
install -d -m 0755 "$at"
ln -sfn "../../venvs/$venv" "$at/venv"
ln -sfn "$etc/$config" "$at/config"
same "$at/$service" "$unit_sum" || put "$unit_sum" 0644 "$owner" "$incoming/$service" "$at/$service"
sync -f "$at"
