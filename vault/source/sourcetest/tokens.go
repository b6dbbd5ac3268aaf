package sourcetest

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

type token struct {
	policies  []string
	expires   time.Time // zero means never
	ttl       time.Duration
	renewable bool
}

type role struct {
	name, id  string
	policies  []string
	ttl       time.Duration
	secretIDs []string
}

type rule struct {
	path         string // "*" at its end, or "+" for a part
	capabilities []string
}

func (s *Server) createToken(policies []string, ttl string) answer {
	t := &token{policies: policies}
	if d, err := time.ParseDuration(ttl); err == nil {
		t.ttl, t.expires, t.renewable = d, s.now().Add(d), true
	}
	id := s.next("hvs")
	s.tokens[id] = t
	return s.auth(id, t)
}

func (s *Server) auth(id string, t *token) answer {
	return answer{200, map[string]any{"auth": map[string]any{
		"client_token": id, "lease_duration": int64(t.ttl / time.Second), "renewable": t.renewable, "policies": t.policies,
	}}}
}

func (s *Server) appRole(path string, write bool, policies, ttl string) answer {
	name, what, _ := strings.Cut(path, "/")
	r := s.roles[name]
	switch {
	case what == "" && write:
		d, _ := time.ParseDuration(ttl)
		s.roles[name] = &role{name: name, id: s.next("role"), policies: append([]string{"default"}, strings.Split(policies, ",")...), ttl: d}
		return done
	case r == nil:
		return fail(404)
	case what == "role-id":
		return data(map[string]any{"role_id": r.id})
	case what == "secret-id" && write:
		r.secretIDs = append(r.secretIDs, s.next("secret-id"))
		return data(map[string]any{"secret_id": r.secretIDs[len(r.secretIDs)-1]})
	}
	return fail(404)
}

func (s *Server) login(roleID, secretID string) answer {
	for _, r := range s.roles {
		if r.id == roleID && slices.Contains(r.secretIDs, secretID) {
			return s.createToken(r.policies, r.ttl.String())
		}
	}
	return fail(400, "invalid role or secret ID")
}

var ruleOf = regexp.MustCompile(`path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}`)

func parsePolicy(text string) (rules []rule) {
	for _, m := range ruleOf.FindAllStringSubmatch(text, -1) {
		var can []string
		for _, c := range strings.Split(m[2], ",") {
			if c = strings.Trim(strings.TrimSpace(c), `"`); c != "" {
				can = append(can, c)
			}
		}
		rules = append(rules, rule{m[1], can})
	}
	return rules
}

// capabilities returns those of the most specific rule.
func (s *Server) capabilities(t *token, path string) []string {
	if slices.Contains(t.policies, "root") {
		return []string{"root"}
	}
	best, can := -1, []string{"deny"}
	for _, p := range t.policies {
		for _, r := range s.policies[p] {
			prefix, glob := strings.CutSuffix(r.path, "*")
			specific := len(prefix)
			if !glob {
				specific = 1 << 20
			}
			if (glob && strings.HasPrefix(path, prefix) || r.path == path) && specific > best {
				best, can = specific, r.capabilities
			}
		}
	}
	return can
}

func (s *Server) allowed(t *token, path, capability string) bool {
	can := s.capabilities(t, path)
	if capability == "list" && !slices.Contains(can, "list") {
		can = s.capabilities(t, strings.TrimSuffix(path, "/"))
	}
	return slices.Contains(can, "root") || slices.Contains(can, capability)
}
