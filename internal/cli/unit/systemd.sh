# Keeps Salesforce logins from going idle, once a day. Read this, then run it:
#   {{.Again}} | sh
# It writes two files and enables a timer of yours; it needs no root.
units="${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"
mkdir -p "$units"
cat > "$units/sftoken-keepalive.service" <<'END_OF_UNIT'
[Unit]
Description=Keep Salesforce logins from going idle

[Service]
Type=oneshot
ExecStart={{.Systemd}}
{{- range .Environment}}
Environment={{systemd .}}
{{- end}}
UMask=0077
# At the end the program is asked to stop, and finishes the refreshes that are under way.
KillMode=mixed
TimeoutStopSec=3min
# What works for a user without name spaces, which some distributions forbid.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
{{- if not .Hook}}
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
{{- end}}
END_OF_UNIT
cat > "$units/sftoken-keepalive.timer" <<'END_OF_UNIT'
[Unit]
Description=Keep Salesforce logins from going idle, every day

[Timer]
OnCalendar=daily
RandomizedDelaySec=6h
Persistent=yes

[Install]
WantedBy=timers.target
END_OF_UNIT
systemctl --user daemon-reload
systemctl --user enable --now sftoken-keepalive.timer
# A timer of yours runs while you are logged in. To have it always:  loginctl enable-linger
# When it ran, and what it said:  systemctl --user list-timers;  journalctl --user -u sftoken-keepalive
# To be rid of it:  systemctl --user disable --now sftoken-keepalive.timer
