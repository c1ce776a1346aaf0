package emulator

// refusedLogin notes a login that failed and returns the id of the text for the page. who is nil when nobody has that name.
func (s *Server) refusedLogin(c *call, who *account) string {
	switch {
	case who == nil:
	case c.realm.left(&who.org):
		s.noteLogin(c, who, nil, byPerson, "Restricted Domain")
		return "login_my_domain"
	case c.realm.site != nil:
		s.noteLogin(c, who, nil, byPerson, "No Community Access")
	default:
		s.noteLogin(c, who, nil, byPerson, "Invalid Password")
	}
	return "login_wrong"
}

// mayLogIn checks what is left once the password was right, and notes a login that fails.
func (s *Server) mayLogIn(c *call, who *account, withinRate bool) *refusal {
	no := who.refused()
	switch {
	case no == refusedOrgInactive:
		s.noteLogin(c, who, nil, byPerson, "Organization is locked")
	case no != nil:
		s.noteLogin(c, who, nil, byPerson, "User is Inactive")
	case !withinRate:
		no = refusedRate
		s.noteLogin(c, who, nil, byPerson, "Login Rate Exceeded")
	default:
		no = s.restricted(c, nil, who, byPerson)
	}
	return no
}
