# Ask `/health` until it answers 200 or 503, then see that the same process still runs a little later.
pid=$(systemctl show --property=MainPID --value "$service")
if [ -n "$url" ]; then
    "$python" - "$url" "$token_file" "$wait_s" <<'END'
import json, sys, time, urllib.error, urllib.request

url, token_file, wait_s = sys.argv[1:]
request = urllib.request.Request(url)
if token_file:
    with open(token_file, encoding="utf-8") as file:
        request.add_header("Authorization", "Bearer " + file.read().strip())
straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
end = time.monotonic() + float(wait_s)
while True:
    try:
        with straight.open(request, timeout=10) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError as error:
        status, body = 0, str(error).encode()
    if status in (200, 503) or time.monotonic() > end:
        break
    time.sleep(1)
print("answer=" + json.dumps({"status": status, "body": body.decode("utf-8", "replace")}))
END
fi
sleep "$settle_s"
printf 'active=%s\n' "$(systemctl is-active "$service" 2>/dev/null || true)"
[ "$(systemctl show --property=MainPID --value "$service")" = "$pid" ] && echo same_process=yes || echo same_process=no
