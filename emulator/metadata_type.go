package emulator

import (
	"slices"
	"strings"
)

// metadataType is a kind of component that can be deployed and read.
type metadataType struct {
	name, dir, suffix string
	fields            []metadataField
	ofApp             bool // has externalClientApplication
	namedAsApp        bool // its file is named after the app
	perOrg            bool // settings: one for each org
}

type metadataField struct {
	name     string
	required bool
	kind     string   // "", "boolean", "int", "tree"
	words    []string // of an enumeration
}

// spec reads "label! isProtected:boolean state:Local|Packaged rest:tree".
func spec(list string) []metadataField {
	var out []metadataField
	for word := range strings.FieldsSeq(list) {
		name, kind, _ := strings.Cut(word, ":")
		field := metadataField{name: strings.TrimSuffix(name, "!"), required: strings.HasSuffix(name, "!"), kind: kind}
		if strings.Contains(kind, "|") {
			field.kind, field.words = "enum", strings.Split(kind, "|")
		}
		out = append(out, field)
	}
	return out
}

// metadataTypes are the types of external client apps, connected apps and the org's switches, with their documented fields
// [MD]; isDPopEnabled was seen on retrieve only (O).
var metadataTypes = []*metadataType{
	{
		name: "ExternalClientApplication", dir: "externalClientApps", suffix: "eca", namedAsApp: true,
		fields: spec("contactEmail! contactPhone description distributionState!:Local|Packaged|Managed|AutoInstalled iconUrl infoUrl isProtected:boolean label! logoUrl managedType orgScopedExternalApp"),
	},
	{
		name: "ExtlClntAppGlobalOauthSettings", dir: "extlClntAppGlobalOauthSets", suffix: "ecaGlblOauth", ofApp: true, namedAsApp: true,
		fields: spec("callbackUrl! certificate consumerKey consumerSecret externalClientApplication! idTokenConfig:tree isClientCredentialsFlowEnabled:boolean isCodeCredFlowEnabled:boolean isCodeCredPostOnly:boolean isConsumerSecretOptional:boolean isDPopEnabled:boolean isDeviceFlowEnabled:boolean isEnforceRefreshTokenTTL:boolean isIntrospectAllTokens:boolean isNamedUserJwtEnabled:boolean isPkceRequired:boolean isRefreshTokenRotationEnabled:boolean isSecretRequiredForRefreshToken:boolean isSecretRequiredForTokenExchange:boolean isTokenExchangeEnabled:boolean label! shouldRotateConsumerKey:boolean shouldRotateConsumerSecret:boolean"),
	},
	{
		name: "ExtlClntAppOauthSettings", dir: "extlClntAppOauthSettings", suffix: "ecaOauth", ofApp: true, namedAsApp: true,
		fields: spec("areAttributesIncludedInAssetToken:boolean areCustomPermsIncludedInAssetToken:boolean assetTokenAudiences assetTokenSigningCertificate assetTokenValidity:int clientAssertionCertificate commaSeparatedCustomScopes commaSeparatedOauthScopes customAttributes:tree externalClientApplication! isFirstPartyAppEnabled:boolean label! oauthLink singleLogoutUrl trustedIpRanges:tree"),
	},
	{
		name: "ExtlClntAppOauthConfigurablePolicies", dir: "extlClntAppOauthPolicies", suffix: "ecaOauthPlcy", ofApp: true,
		fields: spec("apexHandler clientCredentialsFlowUser commaSeparatedCustomScopes commaSeparatedPermissionSet commaSeparatedProfile customAttributes:tree executeHandlerAs externalClientApplication! guestJwtSessionTimeoutType:UserSession|Custom guestJwtTimeout ipRelaxationPolicyType:Enforce|Bypass|Bypass_2factor|Enforce_RelaxRefresh isClientCredentialsFlowEnabled:boolean isGuestCodeCredFlowEnabled:boolean isTokenExchangeFlowEnabled:boolean label! namedUserJwtSessionTimeoutType:UserSession|Custom namedUserJwtTimeout permittedUsersPolicyType:AllSelfAuthorized|AdminApprovedPreAuthorized policyAction:Block|RaiseSessionLevel|StepUpMFA refreshTokenPolicyType:Infinite|Zero|SpecificLifetime|SpecificInactivity refreshTokenValidityPeriod:int refreshTokenValidityUnit:Days|Hours|Months requiredSessionLevel:LOW|STANDARD|HIGH_ASSURANCE sessionTimeoutInMinutes:int singleLogoutUrl startUrl"),
	},
	{
		name: "ExtlClntAppConfigurablePolicies", dir: "extlClntAppPolicies", suffix: "ecaPlcy", ofApp: true,
		fields: spec("externalClientApplication! isCanvasPluginEnabled:boolean isEnabled!:boolean isMobilePluginEnabled:boolean isNotificationPluginEnabled:boolean isOauthPluginEnabled:boolean isPushPluginEnabled:boolean isSamlPluginEnabled:boolean label! startPage:None|OAuth|Custom startUrl"),
	},
	{
		name: "ConnectedApp", dir: "connectedApps", suffix: "connectedApp", namedAsApp: true,
		fields: spec("attributes:tree canvasConfig:tree contactEmail! contactPhone description iconUrl infoUrl ipRanges:tree label! logoUrl mobileAppConfig:tree mobileStartUrl oauthConfig:tree oauthPolicy:tree permissionSetName plugin pluginExecutionUser profileName samlConfig:tree sessionPolicy:tree startUrl"),
	},
	{
		name: "Settings", dir: "settings", suffix: "settings", perOrg: true,
	},
}

// settings are the org's switches that can be deployed, by file name; the root element is the name and "Settings".
var settings = map[string][]metadataField{
	"OauthOidc":         spec("blockOAuthUnPwFlow:boolean blockOAuthUsrAgtFlow:boolean isPkceRequired:boolean oAuthCdCrdtFlowEnable:boolean"),
	"ExternalClientApp": spec("enableClientSecretInRestApiAccess:boolean enableConsumerSecretApiAccess:boolean enablePackageEcaOauthFromDevOrg:boolean"),
	"ConnectedApp":      spec("enableAdminApprovedAppsOnly:boolean enableAdminApprovedAppsOnlyForExternalUser:boolean enableSkipUserProvisioningWizardWelcomePage:boolean"),
	"MyDomain":          spec("canOnlyLoginWithMyDomainUrl:boolean doesApiLoginRequireOrgDomain:boolean"),
	"Security":          spec("sessionSettings:tree"),
}

func metadataTypeNamed(name string) *metadataType {
	i := slices.IndexFunc(metadataTypes, func(t *metadataType) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return metadataTypes[i]
}

// ecaScopes are the scope names of external client apps, in the order in which an org listed them (O), with wire names.
var ecaScopes = [][2]string{
	{"Basic", "id"},
	{"OfflineAccess", "refresh_token"},
	{"DataCloudUserClaims", "data_cloud_user_claims"},
	{"Email", "email"},
	{"Address", "address"},
	{"CDPSegment", "cdp_segment_api"},
	{"Chatbot", "chatbot_api"},
	{"CustomApplications", "visualforce"},
	{"Full", "full"},
	{"Profile", "profile"},
	{"CDP", "cdp_api"},
	{"CDPProfile", "cdp_profile_api"},
	{"RefreshToken", "refresh_token"},
	{"Phone", "phone"},
	{"PwdlessLogin", "pwdless_login_api"},
	{"Interaction", "interaction_api"},
	{"Pardot", "pardot_api"},
	{"CDPIngest", "cdp_ingest_api"},
	{"CDPIdentityResolution", "cdp_identityresolution_api"},
	{"CustomPermissions", "custom_permissions"},
	{"ForgotPassword", "forgot_password"},
	{"UserRegistration", "user_registration_api"},
	{"OpenID", "openid"},
	{"Chatter", "chatter_api"},
	{"Wave", "wave_api"},
	{"SFApiPlatform", "sfap_api"},
	{"SCRT", "scrt_api"},
	{"Web", "web"},
	{"EinsteinGPT", "einstein_gpt_api"},
	{"Lightning", "lightning"},
	{"Content", "content"},
	{"CDPCalculatedInsight", "cdp_calculated_insight_api"},
	{"Eclair", "eclair_api"},
	{"Api", "api"},
	{"MCP", "mcp_api"},
	{"CDPQuery", "cdp_query_api"},
}

// scopeOf returns the wire name of a scope in metadata; connected apps have another word for sfap_api.
func scopeOf(name string, connected bool) (string, bool) {
	if connected && name == "SFAP" {
		return "sfap_api", true
	}
	for _, pair := range ecaScopes {
		if pair[0] == name && (!connected || name != "SFApiPlatform") {
			return pair[1], true
		}
	}
	return "", false
}

// scopeName is the reverse.
func scopeName(wire string) string {
	switch wire {
	case "refresh_token", "offline_access":
		return "RefreshToken"
	}
	for _, pair := range ecaScopes {
		if pair[1] == wire {
			return pair[0]
		}
	}
	return wire
}

func scopeList() string {
	var names []string
	for _, pair := range ecaScopes {
		names = append(names, pair[0])
	}
	return strings.Join(names, ", ")
}
