# Keeps Salesforce logins from going idle, once a day. Read this, then run it:
#   {{.Again}} | sh
# It writes one file and has launchd load it; it needs no root.
agents="$HOME/Library/LaunchAgents"
mkdir -p "$agents" "$HOME/Library/Logs"
cat > "$agents/sftoken.keepalive.plist" <<'END_OF_UNIT'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>sftoken.keepalive</string>
	<key>ProgramArguments</key>
	<array>
{{- range .Args}}
		<string>{{xml .}}</string>
{{- end}}
	</array>
{{- with .Variables}}
	<key>EnvironmentVariables</key>
	<dict>
{{- range .}}
		<key>{{xml .Name}}</key>
		<string>{{xml .Value}}</string>
{{- end}}
	</dict>
{{- end}}
	<key>StartCalendarInterval</key>
	<dict>
		<key>Hour</key>
		<integer>{{.Hour}}</integer>
		<key>Minute</key>
		<integer>{{.Minute}}</integer>
	</dict>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>ExitTimeOut</key>
	<integer>180</integer>
	<key>StandardErrorPath</key>
	<string>{{xml .Log}}</string>
</dict>
</plist>
END_OF_UNIT
launchctl bootout "gui/$(id -u)/sftoken.keepalive" 2>/dev/null
launchctl bootstrap "gui/$(id -u)" "$agents/sftoken.keepalive.plist"
# To have it run now:  launchctl kickstart "gui/$(id -u)/sftoken.keepalive"
# To be rid of it:  launchctl bootout "gui/$(id -u)/sftoken.keepalive", and remove the file
