# What this board is and how it does. Only reads; one key=value a line, empty where it cannot tell.
say() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr -d '\000\r' | head -n 1)"; }
os_release() { sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d "\"'"; }
nearest() { # the folder itself, or the closest one above it that exists
    at=$1
    while [ ! -d "$at" ]; do at=$(dirname "$at"); done
    printf '%s' "$at"
}
rights=no as_root=
if [ "$(id -u)" = 0 ]; then rights=self; elif sudo -n true 2>/dev/null; then rights=sudo; fi
[ "$rights$trial" != sudono ] || as_root='sudo -n'

say login "$(id -un)"
say login_group "$(id -gn)"
say rights "$rights"
say architecture "$(dpkg --print-architecture 2>/dev/null || uname -m)"
say kernel_machine "$(uname -m)"
say os_id "$(os_release ID)"
say os_codename "$(os_release VERSION_CODENAME)"
say os_name "$(os_release PRETTY_NAME)"
say model "$(tr -d '\000' 2>/dev/null </proc/device-tree/model)"
say glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say page_bytes "$(getconf PAGESIZE)"
say systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
say memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
say memory_cgroup "$(grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null && echo yes || echo no)"
say clock_synchronised "$(timedatectl show --property=NTPSynchronized --value 2>/dev/null)"
say epoch_s "$(date +%s)"
say throttled "$(cat /sys/devices/platform/soc*/*firmware/get_throttled 2>/dev/null || vcgencmd get_throttled 2>/dev/null)"
say video_group "$(getent group video >/dev/null && echo yes || echo no)"
say rsync "$(command -v rsync >/dev/null && echo yes || echo no)"
say free_kib "$(df -k --output=avail "$(nearest "$opt")" | tail -n 1 | tr -d ' ')"

sealed=
for folder in "$opt" "$etc" "$var" "$(dirname "$unit")"; do
    $as_root test -w "$(nearest "$folder")" || sealed="$sealed $folder"
done
say read_only "${sealed# }"

python='' version=''
for name in python3 python3.13 python3.12 python3.11; do
    at=$(command -v "$name") || continue
    found=$("$at" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    [ -n "$version" ] || { python=$at version=$found; }
    case $found in 3.11.* | 3.12.* | 3.13.*) python=$at version=$found; break ;; esac
done
say python "$python"
say python_version "$version"
say venv "$([ -n "$python" ] && "$python" -c 'import venv' 2>/dev/null && echo yes || echo no)"

# raspi-config's overlay file system: what is written is gone after a reboot
say overlay_root "$(grep -qwE 'boot=overlay|overlayroot=tmpfs' /proc/cmdline && echo yes || echo no)"
say foreign_unit "$([ -e "$unit" ] && [ ! -L "$opt/current" ] && echo "$unit")"
good=$(cat "$opt/good" 2>/dev/null || true)
say good "$([ -n "$good" ] && [ -d "$opt/releases/$good" ] && echo "$good")"
say current "$(basename "$(readlink "$opt/current" 2>/dev/null)" 2>/dev/null)"
say active "$(systemctl is-active "$service" 2>/dev/null || true)"
