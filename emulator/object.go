package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// object is a table of the data API.
type object struct {
	name, label, plural, prefix string
	columns                     []column
	rows                        func(s *Server, who *account) []record
	there                       func(org *Org) bool // nil: in every org
	tooling                     bool                // of the tooling API only
}

type column struct{ name, kind string }

// textual reports whether LIKE works on the column.
func (c column) textual() bool {
	return c.kind == "string" || c.kind == "email" || c.kind == "picklist" || c.kind == "textarea"
}

// typed makes columns from "Name:string Other:boolean"; without a kind it is string.
func typed(list string) []column {
	var out []column
	for word := range strings.FieldsSeq(list) {
		name, kind, found := strings.Cut(word, ":")
		if !found {
			kind = "string"
		}
		out = append(out, column{name, kind})
	}
	return out
}

// objects are those that clients of a login ask for. OauthToken, LoginHistory, User and Organization are as the object
// reference documents them (V), with the columns that concern logins; a column that is not here is INVALID_FIELD.
var objects = []*object{
	{
		name: "Organization", label: "Organization", plural: "Organizations", prefix: "00D", rows: (*Server).organizations,
		columns: typed("Id:id Name IsSandbox:boolean InstanceName:picklist OrganizationType:picklist TrialExpirationDate:datetime NamespacePrefix LanguageLocaleKey:picklist"),
	},
	{
		name: "User", label: "User", plural: "People", prefix: "005", rows: (*Server).users,
		columns: typed("Id:id Username Name FirstName LastName Alias Email:email IsActive:boolean UserType:picklist ProfileId:reference LanguageLocaleKey:picklist LocaleSidKey:picklist TimeZoneSidKey:picklist FederationIdentifier LastLoginDate:datetime"),
	},
	{
		name: "Profile", label: "Profile", plural: "Profile", prefix: "00e", rows: (*Server).profiles,
		columns: typed("Id:id Name PermissionsApiEnabled:boolean PermissionsApiUserOnly:boolean PermissionsCustomizeApplication:boolean"),
	},
	{
		name: "OauthToken", label: "OAuth Token", plural: "OAuth Tokens", prefix: "0CQ", rows: (*Server).oauthTokens,
		columns: typed("Id:id AppName AppMenuItemId:reference UserId:reference CreatedDate:datetime LastUsedDate:datetime UseCount:int DeleteToken AccessToken RequestToken"),
	},
	{
		name: "LoginHistory", label: "Login History", plural: "Login History", prefix: "0Ya", rows: (*Server).loginHistory,
		columns: typed("Id:id UserId:reference LoginTime:datetime LoginType:picklist LoginUrl SourceIp Status Application Browser Platform ApiType ApiVersion ClientVersion"),
	},
	{
		name: "ExternalClientApplication", label: "External Client Application", plural: "External Client Applications", prefix: "0xI",
		rows:    (*Server).externalApps,
		columns: typed("Id:id DeveloperName MasterLabel Description:textarea ContactEmail:email DistributionState:picklist IsProtected:boolean"),
	},
	{
		name: "ConnectedApplication", label: "Connected Application", plural: "Connected Applications", prefix: "0H4", rows: (*Server).connectedApps,
		columns: typed("Id:id Name OptionsAllowAdminApprovedUsersOnly:boolean OptionsRefreshTokenValidityMetric:boolean RefreshTokenValidityPeriod:int"),
	},
	{
		name: "ScratchOrgInfo", label: "Scratch Org Info", plural: "Scratch Org Infos", prefix: "2SR", there: func(org *Org) bool { return org.DevHub },
		columns: typed("Id:id OrgName Status:picklist SignupUsername ScratchOrg ExpirationDate:datetime LoginUrl DevHub:boolean"),
	},
	{
		name: "SandboxProcess", label: "Sandbox Process", plural: "Sandbox Processes", prefix: "0GR", tooling: true,
		columns: typed("Id:id Status:picklist SandboxName SandboxInfoId:reference LicenseType:picklist CreatedDate:datetime CopyProgress:int SandboxOrganization SourceId:reference Description:textarea EndDate:datetime ApexClassId:reference IsDeleted:boolean RefreshAction RefreshSource ActivatedDate:datetime"),
	},
}

func (s *Server) objectNamed(name string, org *Org, tooling bool) *object {
	i := slices.IndexFunc(objects, func(o *object) bool {
		return strings.EqualFold(o.name, name) && (o.there == nil || o.there(org)) && (!o.tooling || tooling)
	})
	if i < 0 {
		return nil
	}
	return objects[i]
}

// column finds a field of a query. A miss is refused in Salesforce's words, with the place in the query.
func (o *object) column(field lexeme, soql string) (column, *soqlError) {
	if i := slices.IndexFunc(o.columns, func(c column) bool { return strings.EqualFold(c.name, field.text) }); i >= 0 {
		return o.columns[i], nil
	}
	from := max(0, field.at-20)
	until := min(len(soql), field.at+len(field.text)+20)
	where := fmt.Sprintf("\n%s\n%s^\nERROR at Row:1:Column:%d\n", strings.ToValidUTF8(soql[from:until], ""), strings.Repeat(" ", field.at-from), field.at+1)
	if parent, _, path := strings.Cut(field.text, "."); path {
		return column{}, &soqlError{"INVALID_FIELD", where + fmt.Sprintf("Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", parent)}
	}
	return column{}, &soqlError{"INVALID_FIELD", where + fmt.Sprintf("No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", field.text, o.name)}
}

// wire is a value as the data API writes it.
func wire(value any) any {
	if at, ok := value.(time.Time); ok {
		return at.UTC().Format("2006-01-02T15:04:05.000+0000")
	}
	return value
}
