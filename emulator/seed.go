package emulator

// The users and apps of DefaultConfig, for tests and demos.
const (
	Username   = "amelia@acme.example" // English; Acme
	UsernameJa = "hanako@acme.example" // Japanese; Acme
	Password   = "emulator-1"          // of every seeded user

	UsernameSandbox = "amelia@acme.example.dev" // Acme's sandbox

	ClientIDConfidential     = "3MVG9.Emulator.Confidential.0000000000000000000000000000000000000000000000000000001"
	ClientSecretConfidential = "EMULATORSECRET00000000000000000000000000000000000000000000000001"
	ClientIDPublic           = "3MVG9.Emulator.Public.0000000000000000000000000000000000000000000000000000000000002"
	ClientIDRotating         = "3MVG9.Emulator.Rotating.00000000000000000000000000000000000000000000000000000000003"
	ClientIDNoRefresh        = "3MVG9.Emulator.NoRefresh.0000000000000000000000000000000000000000000000000000000004"
	ClientIDPlatformCLI      = "PlatformCLI" // as the Salesforce CLI uses it: no secret
)

// DefaultConfig returns a new copy of the seed: Acme, a production-class org with an English and a Japanese user, its
// sandbox, and an app for each way in which apps differ.
func DefaultConfig() *Config {
	callbacks := []string{
		"http://localhost:1717/OauthRedirect",
		"http://localhost:8080/callback",
		"http://localhost",
		"https://login.salesforce.com/services/oauth2/success",
		"/services/oauth2/success",
	}
	scopes := []string{"api", "web", "refresh_token", "openid", "id"}
	config := &Config{
		Orgs: []Org{
			{
				ID: "00DEMU000000001", Name: "Acme", MyDomain: "acme", Edition: "Developer Edition", DevHub: false,
				Users: []User{
					{ID: "005EMU000000001", Username: Username, Password: Password, FirstName: "Amelia", LastName: "Earhart", Language: "en_US", Locale: "en_US", Timezone: "America/Los_Angeles"},
					{ID: "005EMU000000002", Username: UsernameJa, Password: Password, FirstName: "花子", LastName: "山田", Language: "ja", Locale: "ja_JP", Timezone: "Asia/Tokyo"},
				},
			},
			{
				ID: "00DEMU000000002", Name: "Acme dev", MyDomain: "acme--dev.sandbox", Sandbox: true, Edition: "Developer Edition",
				Users: []User{
					{ID: "005EMU000000003", Username: UsernameSandbox, Password: Password, FirstName: "Amelia", LastName: "Earhart", Email: Username, Language: "en_US", Locale: "en_US", Timezone: "America/Los_Angeles"},
				},
			},
		},
		Apps: []App{
			{ClientID: ClientIDConfidential, ClientSecret: ClientSecretConfidential, Label: "Confidential app", DeviceFlow: true, ClientCredentials: true, ClientCredentialsUser: Username},
			{ClientID: ClientIDPublic, Label: "Public app", PKCERequired: true, DeviceFlow: true},
			{ClientID: ClientIDRotating, Label: "Rotating app", PKCERequired: true, Rotation: true},
			{ClientID: ClientIDNoRefresh, Label: "App without refresh", PKCERequired: true},
		},
	}
	for i := range config.Apps {
		config.Apps[i].Callbacks = append([]string(nil), callbacks...)
		config.Apps[i].Scopes = append([]string(nil), scopes...)
		config.Apps[i].AnyLoopbackPort = true
	}
	config.Apps[3].Scopes = []string{"api", "web", "openid", "id"}
	config.Apps = append(config.Apps, App{
		ClientID: ClientIDPlatformCLI, Label: "Salesforce CLI", DeviceFlow: true,
		Callbacks: []string{"http://localhost:1717/OauthRedirect"},
		Scopes:    []string{"api", "web", "refresh_token", "openid", "id", "full"},
	})
	return config
}
