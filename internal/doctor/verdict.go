package doctor

import "slices"

// Verdict returns the finding that decides, nil if nothing is wrong. A failure counts more than what is not known, that more
// than a warning. Of failures, what was entered comes first, then an error that the person saw and that names its cause, then
// the order of the checks, in which causes come before their effects. A port that is taken is in the way of the next login only.
func (r *Result) Verdict() *Finding {
	var failures []*Finding
	for i := range r.Findings {
		if r.Findings[i].Level == Failure {
			failures = append(failures, &r.Findings[i])
		}
	}
	for _, first := range []func(*Finding) bool{
		func(f *Finding) bool { return f.Check == "input" },
		func(f *Finding) bool { return f.Check == "pasted" },
		func(f *Finding) bool { return f.Check != "port" && (f.Entry == nil || !f.Entry.Yields()) },
		func(*Finding) bool { return true },
	} {
		if i := slices.IndexFunc(failures, first); i >= 0 {
			return failures[i]
		}
	}
	for _, level := range []Level{Unknown, Warning} {
		if i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Level == level }); i >= 0 {
			return &r.Findings[i]
		}
	}
	return nil
}
