package emulator

// orgRoutes are the endpoints of an org's administration and of its APIs.
func (s *Server) orgRoutes() {
	const data = "/services/data/{version}/"
	for pattern, handle := range map[string]func(*call, *session){
		"GET " + data + "query/{locator}":                                            s.queryMore,
		"GET " + data + "queryAll":                                                   s.query,
		"GET " + data + "queryAll/{$}":                                               s.query,
		"GET " + data + "sobjects":                                                   s.describeGlobal,
		"GET " + data + "sobjects/{$}":                                               s.describeGlobal,
		"GET " + data + "sobjects/{object}":                                          s.sobjectInfo,
		"GET " + data + "sobjects/{object}/{$}":                                      s.sobjectInfo,
		"GET " + data + "sobjects/{object}/describe":                                 s.describe,
		"GET " + data + "sobjects/{object}/{id}":                                     s.readRecord,
		"GET " + data + "sobjects/{object}/{id}/{$}":                                 s.readRecord,
		"GET " + data + "apps/oauth/usage":                                           s.usedApps,
		"GET " + data + "apps/oauth/usage/{app}/users":                               s.usedUsers,
		"GET " + data + "apps/oauth/usage/{app}/{user}/tokens":                       s.usedTokens,
		"DELETE " + data + "apps/oauth/usage/{app}/{user}/tokens":                    s.revokeUsage,
		"DELETE " + data + "apps/oauth/usage/{app}/{token}":                          s.revokeUsage,
		"GET " + data + "apps/oauth/credentials/{app}":                               s.consumers,
		"GET " + data + "apps/oauth/credentials/{app}/{consumer}":                    s.credentials,
		"GET " + data + "apps/oauth/credentials/{app}/{consumer}/staged":             s.staged,
		"POST " + data + "apps/oauth/credentials/{app}/{consumer}/staged":            s.staged,
		"GET " + data + "apps/oauth/credentials/{app}/{consumer}/staged/{staged}":    s.oneStaged,
		"PATCH " + data + "apps/oauth/credentials/{app}/{consumer}/staged/{staged}":  s.oneStaged,
		"DELETE " + data + "apps/oauth/credentials/{app}/{consumer}/staged/{staged}": s.oneStaged,

		"POST " + data + "metadata/deployRequest":       s.startDeploy,
		"GET " + data + "metadata/deployRequest/{id}":   s.pollDeploy,
		"PATCH " + data + "metadata/deployRequest/{id}": s.cancelDeploy,
	} {
		s.on(pattern, s.data(handle))
	}
	for pattern, handle := range map[string]func(*call){
		"GET " + setupPath:                      s.setupList,
		"GET " + setupPath + "/{$}":             s.setupList,
		"POST " + setupPath:                     s.setupSave,
		"GET " + setupPath + "/new":             s.setupNew,
		"GET " + setupPath + "/{app}":           s.setupRead,
		"POST " + setupPath + "/{app}":          s.setupSave,
		"GET " + setupPath + "/{app}/edit":      s.setupEdit,
		"GET " + setupPath + "/{app}/consumer":  s.setupSecrets,
		"POST " + setupPath + "/{app}/consumer": s.setupSecrets,

		"/services/oauth2/register":           s.register,
		"GET /.well-known/auth-configuration": s.authConfiguration,

		"/services/Soap/{service}/{version}":       s.soap,
		"/services/Soap/{service}/{version}/{$}":   s.soap,
		"/services/Soap/{service}/{version}/{org}": s.soap,
	} {
		s.on(pattern, handle)
	}
}
