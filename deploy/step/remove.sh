# Stop a first release that does not run: nothing ran before it.
systemctl disable --now --quiet "$service" 2>/dev/null || true
rm -f "$opt/current" "$unit"
systemctl daemon-reload
