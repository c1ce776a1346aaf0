package export

import (
	"regexp"
	"sync"
)

// Format is a form that another tool reads.
type Format struct {
	Name        string
	For         string // whose form it is
	Host        HostForm
	NeedsSecret bool // the target has no use for an app without a secret
	NeedsAccess bool // it takes an access token too
	Rotation    Rotation
	Settings    []Setting
	Forms       map[string]func() *regexp.Regexp // which texts the target can read, by the name of the value
}

// Setting is something that only the person knows.
type Setting struct {
	Name, Default, Example string
	Required               bool
	Form                   func() *regexp.Regexp
}

// Rotation is what a target does with the new refresh token that it is answered when the app rotates.
type Rotation string

// What targets do with a new refresh token.
const (
	Keeps   Rotation = "keeps"   // it saves it
	Hands   Rotation = "hands"   // it hands it to the program, which must save it
	Drops   Rotation = "drops"   // it goes on with the old one, which is dead
	Unknown Rotation = "unknown" // nobody has said
)

// Find returns the format called name, or nil.
func Find(name string) *Format {
	for i := range Formats {
		if Formats[i].Name == name {
			return &Formats[i]
		}
	}
	return nil
}

var (
	word       = form(`^[A-Za-z0-9._-]+={0,2}$`) // of sfdx-core's parseSfdxAuthUrl
	maybeWord  = form(`^[A-Za-z0-9._-]*={0,2}$`) // the same, for the client secret
	timestamp  = form(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	expiry     = form(`^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$`)
	identifier = form(`^[A-Za-z_][A-Za-z0-9_]*$`)
	version    = form(`^v?\d+\.0$`)
	arn        = form(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$`)
	dns        = form(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)
	authURL    = map[string]func() *regexp.Regexp{"client id": word, "client secret": maybeWord, "refresh token": word}

	startDate = Setting{Name: "start_date", Example: "2026-01-01T00:00:00Z", Form: timestamp}
	mustStart = Setting{Name: "start_date", Example: "2026-01-01T00:00:00Z", Form: timestamp, Required: true}
)

func form(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// Formats are all formats: those for everybody, then by whom they are for. The names of fields are from the targets' own
// pages and sources; what they do with a new refresh token, from the same or from their issue trackers.
var Formats = []Format{
	{Name: "env", For: ".env files, docker --env-file", Host: URL, Rotation: Drops, Settings: []Setting{
		{Name: "prefix", Default: "SALESFORCE", Example: "SF", Form: identifier},
	}},
	{Name: "shell", For: "export lines for sh, bash, zsh", Host: URL, Rotation: Drops, Settings: []Setting{
		{Name: "prefix", Default: "SALESFORCE", Example: "SF", Form: identifier},
	}},
	{Name: "powershell", For: "$Env: lines for PowerShell", Host: URL, Rotation: Drops, Settings: []Setting{
		{Name: "prefix", Default: "SALESFORCE", Example: "SF", Form: identifier},
	}},
	{Name: "json", For: "JSON with the fields of a token answer, for secret managers", Host: URL, NeedsAccess: true, Rotation: Drops},
	{Name: "curl", For: "a refresh by curl: | curl -K -", Host: URL, Rotation: Drops},
	{Name: "kubernetes", For: "Kubernetes Secret: | kubectl apply -f -", Host: URL, Rotation: Drops, Settings: []Setting{
		{Name: "name", Default: "salesforce", Example: "salesforce", Form: dns}, {Name: "namespace", Example: "default", Form: dns},
	}},

	{Name: "auth-url", For: "Salesforce CLI: sf org login sfdx-url", Host: Name, Rotation: Keeps, Forms: authURL},
	{Name: "github-actions", For: "GitHub Actions: | sh sets the secret SFDX_AUTH_URL", Host: Name, Rotation: Drops, Forms: authURL, Settings: []Setting{
		{Name: "secret", Default: "SFDX_AUTH_URL", Example: "SFDX_AUTH_URL", Form: identifier},
	}},

	{Name: "airbyte", For: "Airbyte source-salesforce, configuration", Host: Flag, NeedsSecret: true, Rotation: Keeps, Settings: []Setting{startDate}},
	{Name: "airbyte-terraform", For: "Airbyte's Terraform provider", Host: Flag, NeedsSecret: true, Rotation: Keeps, Settings: []Setting{
		{Name: "resource", Default: "salesforce", Example: "salesforce", Form: identifier},
		{Name: "workspace_id", Required: true, Example: "11111111-2222-3333-4444-555555555555", Form: form(`^[0-9a-fA-F-]{36}$`)},
	}},
	{Name: "airbyte-agent", For: "Airbyte agent connector, Python", Host: Flag, Rotation: Unknown},
	{Name: "singer", For: "Singer tap-salesforce, config.json", Host: Flag, Rotation: Keeps, Settings: []Setting{mustStart}},
	{Name: "meltano", For: "Meltano tap-salesforce, .env", Host: Domain, NeedsSecret: true, Rotation: Unknown},
	{Name: "mage", For: "Mage data integrations, source configuration", Host: Domain, NeedsSecret: true, Rotation: Unknown, Settings: []Setting{mustStart}},
	{Name: "fivetran", For: "Fivetran REST API, body of POST /v1/connections", Host: URL, NeedsSecret: true, Rotation: Keeps, Settings: []Setting{
		{Name: "group_id", Required: true, Example: "decent_dropsy"}, {Name: "schema", Default: "salesforce", Example: "salesforce"},
	}},
	{Name: "camel", For: "Apache Camel, Spring Boot properties", Host: URL, NeedsSecret: true, Rotation: Unknown},
	{Name: "appflow", For: "AWS AppFlow, --connector-profile-config", Host: Flag, NeedsAccess: true, Rotation: Keeps, Settings: []Setting{
		{Name: "client_credentials_arn", Required: true, Form: arn, Example: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:salesforce-app"},
	}},
	{Name: "snowflake", For: "Snowflake security integration and secret, SQL", Host: URL, NeedsSecret: true, Rotation: Drops, Settings: []Setting{
		{Name: "integration", Default: "salesforce_oauth", Example: "salesforce_oauth", Form: identifier},
		{Name: "secret", Default: "salesforce_refresh_token", Example: "salesforce_refresh_token", Form: identifier},
		{Name: "expiry_time", Required: true, Example: "2027-01-01 00:00:00", Form: expiry},
	}},
	{Name: "datadirect", For: "Progress DataDirect ODBC connection string", Host: Name, Rotation: Drops, Settings: []Setting{
		{Name: "schema_map", Required: true, Example: "/var/lib/salesforce.config"},
		{Name: "driver", Default: "DataDirect 8.0 Salesforce", Example: "DataDirect 8.0 Salesforce"},
	}},
	{Name: "devart", For: "Devart ODBC connection string", Host: Name, Rotation: Drops},
	{Name: "componentone", For: "ComponentOne ADO.NET connection string", Host: URL, Rotation: Drops, Settings: []Setting{
		{Name: "version", Default: "v66.0", Example: "v66.0", Form: version},
	}},
	{Name: "jsforce", For: "jsforce, JavaScript", Host: URL, NeedsAccess: true, Rotation: Hands},
	{Name: "restforce", For: "Restforce, Ruby", Host: Name, NeedsAccess: true, Rotation: Hands},
	{Name: "nango", For: "Nango, body of POST /connection", Host: URL, NeedsAccess: true, Rotation: Keeps, Settings: []Setting{
		{Name: "provider_config_key", Default: "salesforce", Example: "salesforce"}, {Name: "connection_id", Example: "prod"},
	}},
	{Name: "ballerina", For: "Ballerina, Config.toml", Host: URL, NeedsSecret: true, Rotation: Unknown},
	{Name: "wso2", For: "WSO2 Salesforce REST connector, XML", Host: URL, NeedsAccess: true, Rotation: Unknown, Settings: []Setting{
		{Name: "version", Default: "v66.0", Example: "v66.0", Form: version},
	}},
	{Name: "hyper", For: "hyperdb-api-salesforce, Rust", Host: URL, NeedsSecret: true, Rotation: Unknown},
	{Name: "postman", For: "Postman environment of Salesforce's collection", Host: URL, NeedsAccess: true, Rotation: Drops, Settings: []Setting{
		{Name: "version", Default: "66.0", Example: "66.0", Form: version},
	}},
}
