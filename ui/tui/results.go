package tui

import (
	"time"

	"kitekey/vault"
)

// results are what this session has learned of the profiles and the index does not
// have, by the profile's id.
type results struct {
	reports  map[string]vault.Report
	uncached map[string]vault.TokenInfo // tokens that could not be cached
	lastRun  *verifyRun                 // the last verification of many, which can be opened again
}

// noteReport keeps a report, and puts it into the last verification of many.
func (rs *results) noteReport(id string, r vault.Report) {
	rs.reports[id] = r
	if rs.lastRun == nil {
		return
	}
	if _, ok := rs.lastRun.results[r.Selector]; ok {
		rs.lastRun.results[r.Selector] = r
	}
}

// reportFor returns the last report of a profile, from this session or an earlier
// one.
func (rs *results) reportFor(p *vault.Profile) vault.Report {
	if r, ok := rs.reports[p.ID]; ok {
		return r
	}
	return p.Report()
}

// apply gives a profile from the index what this session knows better: a newer
// verdict, unless the credential has changed, and a token that is not cached.
func (rs *results) apply(p *vault.Profile, now time.Time) {
	switch r, ok := rs.reports[p.ID]; {
	case ok && r.KeyHint != "" && r.KeyHint != p.KeyHint:
		delete(rs.reports, p.ID)
	case ok && r.At.After(p.VerdictAt):
		p.Verdict, p.VerdictAt = r.Verdict, r.At
	}
	if t := rs.uncached[p.ID]; t.Unexpired(now) && !p.Token.Minted.After(t.Minted) {
		p.Token = t
	}
}
