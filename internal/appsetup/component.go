package appsetup

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
)

// metadataNamespace is that of the Metadata API.
const metadataNamespace = "http://soap.sforce.com/2006/04/metadata"

// APIVersion is the newest version of the Metadata API that the components here were described in.
const APIVersion = "67.0"

// The components of an external client app, with the fields that are written or looked at (D: Metadata API, external client
// app types). Their elements are in alphabetical order, as the org itself writes them.

type application struct {
	ContactEmail      string `xml:"contactEmail,omitempty"`
	Description       string `xml:"description,omitempty"`
	DistributionState string `xml:"distributionState,omitempty"`
	IsProtected       bool   `xml:"isProtected"`
	Label             string `xml:"label,omitempty"`
}

type globalOAuth struct {
	CallbackURL                    string `xml:"callbackUrl,omitempty"`
	Certificate                    string `xml:"certificate,omitempty"`
	ConsumerKey                    string `xml:"consumerKey,omitempty"`
	ExternalClientApplication      string `xml:"externalClientApplication"`
	IsClientCredentialsFlowEnabled bool   `xml:"isClientCredentialsFlowEnabled"`
	IsConsumerSecretOptional       bool   `xml:"isConsumerSecretOptional"`
	IsDeviceFlowEnabled            bool   `xml:"isDeviceFlowEnabled"`
	IsPkceRequired                 bool   `xml:"isPkceRequired"`
	IsRefreshTokenRotationEnabled  bool   `xml:"isRefreshTokenRotationEnabled"`
	IsSecretRequiredForRefresh     bool   `xml:"isSecretRequiredForRefreshToken"`
	Label                          string `xml:"label,omitempty"`
}

type oauth struct {
	Scopes                    string `xml:"commaSeparatedOauthScopes,omitempty"`
	ExternalClientApplication string `xml:"externalClientApplication"`
	Label                     string `xml:"label,omitempty"`
}

type oauthPolicy struct {
	ClientCredentialsFlowUser      string `xml:"clientCredentialsFlowUser,omitempty"`
	PermissionSets                 string `xml:"commaSeparatedPermissionSet,omitempty"`
	Profiles                       string `xml:"commaSeparatedProfile,omitempty"`
	ExternalClientApplication      string `xml:"externalClientApplication"`
	IPRelaxation                   string `xml:"ipRelaxationPolicyType,omitempty"`
	IsClientCredentialsFlowEnabled bool   `xml:"isClientCredentialsFlowEnabled"`
	Label                          string `xml:"label,omitempty"`
	PermittedUsers                 string `xml:"permittedUsersPolicyType,omitempty"`
	PolicyAction                   string `xml:"policyAction,omitempty"`
	RefreshTokenPolicy             string `xml:"refreshTokenPolicyType,omitempty"`
	RefreshTokenValidity           int    `xml:"refreshTokenValidityPeriod,omitempty"`
	RefreshTokenUnit               string `xml:"refreshTokenValidityUnit,omitempty"`
	RequiredSessionLevel           string `xml:"requiredSessionLevel,omitempty"`
}

type policy struct {
	ExternalClientApplication string `xml:"externalClientApplication"`
	IsEnabled                 bool   `xml:"isEnabled"`
	IsOauthPluginEnabled      bool   `xml:"isOauthPluginEnabled"`
	Label                     string `xml:"label,omitempty"`
}

// kind is a metadata type with its place in a package.
type kind struct{ name, dir, suffix string }

var (
	applicationKind = kind{"ExternalClientApplication", "externalClientApps", "eca"}
	globalOAuthKind = kind{"ExtlClntAppGlobalOauthSettings", "extlClntAppGlobalOauthSets", "ecaGlblOauth"}
	oauthKind       = kind{"ExtlClntAppOauthSettings", "extlClntAppOauthSettings", "ecaOauth"}
	oauthPolicyKind = kind{"ExtlClntAppOauthConfigurablePolicies", "extlClntAppOauthPolicies", "ecaOauthPlcy"}
	policyKind      = kind{"ExtlClntAppConfigurablePolicies", "extlClntAppPolicies", "ecaPlcy"}
)

// component is one component of the app, to be written.
type component struct {
	kind
	fullName string
	body     any
}

// policyNames are what the two policies of the app are called in its org. The org makes policies of its own as soon as the
// app is there, and takes ours for those only under the same names (observed).
type policyNames struct{ oauth, general string }

func defaultPolicyNames(app string) policyNames {
	return policyNames{oauth: app + "_defaultPolicy", general: app + "_defaultPolicy"}
}

// components describes the app. They belong together: the settings alone are refused without the application and the scopes
// (observed).
func (s Settings) components(names policyNames) []component {
	s = s.Filled()
	refresh := oauthPolicy{RefreshTokenPolicy: "Infinite"}
	if p := s.RefreshPolicy; p.Kind != UntilRevoked {
		refresh.RefreshTokenPolicy = map[PolicyKind]string{Idle: "SpecificInactivity", Lifetime: "SpecificLifetime"}[p.Kind]
		refresh.RefreshTokenValidity, refresh.RefreshTokenUnit = p.Period, p.Unit
	}
	users := "AllSelfAuthorized"
	if s.AdminApproved {
		users = "AdminApprovedPreAuthorized" // AdminApproved is refused (observed)
	}
	return []component{
		{applicationKind, s.Name, application{
			ContactEmail: s.ContactEmail, Description: s.Description, DistributionState: "Local", Label: s.Label,
		}},
		{globalOAuthKind, s.Name, globalOAuth{
			CallbackURL:                    strings.Join(s.RedirectURIs, "\n"),
			Certificate:                    s.Certificate,
			ExternalClientApplication:      s.Name,
			IsClientCredentialsFlowEnabled: s.ClientCredentialsUser != "",
			IsConsumerSecretOptional:       !s.Confidential,
			IsDeviceFlowEnabled:            s.Device,
			IsPkceRequired:                 !s.WithoutPKCE,
			IsRefreshTokenRotationEnabled:  !s.WithoutRotation,
			IsSecretRequiredForRefresh:     s.Confidential,
			Label:                          s.Label,
		}},
		{oauthKind, s.Name, oauth{Scopes: enumsOf(s.Scopes), ExternalClientApplication: s.Name, Label: s.Label}},
		{oauthPolicyKind, names.oauth, oauthPolicy{
			ClientCredentialsFlowUser:      s.ClientCredentialsUser,
			PermissionSets:                 strings.Join(s.PermissionSets, ","),
			Profiles:                       strings.Join(s.Profiles, ","),
			ExternalClientApplication:      s.Name,
			IPRelaxation:                   ipRelaxations[s.IPRelaxation],
			IsClientCredentialsFlowEnabled: s.ClientCredentialsUser != "",
			Label:                          s.Label,
			PermittedUsers:                 users,
			RefreshTokenPolicy:             refresh.RefreshTokenPolicy,
			RefreshTokenValidity:           refresh.RefreshTokenValidity,
			RefreshTokenUnit:               refresh.RefreshTokenUnit,
			RequiredSessionLevel:           "STANDARD",
		}},
		{policyKind, names.general, policy{
			ExternalClientApplication: s.Name, IsEnabled: true, IsOauthPluginEnabled: true, Label: s.Label,
		}},
	}
}

// document writes an XML file with element for its root.
func document(element string, body any) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "    ")
	// The types are ours and have nothing in them that could fail to be written.
	if err := e.EncodeElement(body, xml.StartElement{Name: xml.Name{Space: metadataNamespace, Local: element}}); err != nil {
		panic(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

type manifest struct {
	Types   []manifestType `xml:"types"`
	Version string         `xml:"version"`
}

type manifestType struct {
	Members []string `xml:"members"`
	Name    string   `xml:"name"`
}

// earlier returns the older of two versions.
func earlier(a, b string) string {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY == nil && y < x {
		return b
	}
	return a
}
