# The last lines of the service since its latest start. Only reads.
start=$(systemctl show --property=InvocationID --value "$service" 2>/dev/null || true)
journalctl "_SYSTEMD_INVOCATION_ID=$start" --lines=20 --no-pager --output=cat 2>/dev/null || true
