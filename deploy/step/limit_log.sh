# Bound the journal of the whole board, so that it cannot fill the card.
if [ "$(sha256sum 2>/dev/null <"$journald" | cut -c 1-64)" != "$journald_sum" ]; then
    install -d -m 0755 "$(dirname "$journald")"
    if [ "$(sha256sum 2>/dev/null <"$incoming/journald.conf" | cut -c 1-64)" != "$journald_sum" ]; then
        echo "journald.conf did not arrive whole; run the deployment again" >&2
        exit 1
    fi
    install -m 0644 "$incoming/journald.conf" "$journald.new"
    mv "$journald.new" "$journald"
    systemctl try-restart systemd-journald.service
fi
rm -f "$incoming/journald.conf"
