package sourcetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

type mount struct {
	version int
	secrets map[string]*secret
}

type secret struct {
	versions []value
	custom   map[string]string
}

type value struct {
	data    map[string]json.RawMessage
	created time.Time
	deleted time.Time
}

// mountOf finds the mount of a path, and what is below it.
func (s *Server) mountOf(path string) (*mount, string) {
	for name, m := range s.mounts {
		if rest, ok := strings.CutPrefix(path, name+"/"); ok {
			return m, rest
		}
	}
	return nil, ""
}

// exists decides between "create" and "update".
func (m *mount) exists(rest string) bool {
	if m.version == 1 {
		return m.secrets[rest] != nil
	}
	name, ok := strings.CutPrefix(rest, "data/")
	if !ok {
		name = strings.TrimPrefix(rest, "metadata/")
	}
	return m.secrets[name] != nil // even if it is deleted
}

func (m *mount) list(prefix string) answer {
	prefix = strings.Trim(prefix, "/") + "/"
	if prefix == "/" {
		prefix = ""
	}
	var keys []string
	for name := range m.secrets {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if folder, _, deeper := strings.Cut(rest, "/"); deeper {
				rest = folder + "/"
			}
			if !slices.Contains(keys, rest) {
				keys = append(keys, rest)
			}
		}
	}
	if len(keys) == 0 {
		return fail(404)
	}
	slices.Sort(keys)
	return data(map[string]any{"keys": keys})
}

// one handles a request to a mount of version 1.
func (m *mount) one(capability, rest string, body []byte) answer {
	switch capability {
	case "list":
		return m.list(rest)
	case "create", "update":
		m.secrets[rest] = &secret{versions: []value{{data: map[string]json.RawMessage{"": body}}}}
		return done
	case "delete":
		delete(m.secrets, rest)
		return done
	}
	if m.secrets[rest] == nil {
		return fail(404)
	}
	return data(m.secrets[rest].versions[0].data[""])
}

// two handles a request to a mount of version 2.
func (m *mount) two(now time.Time, capability, rest string, in map[string]json.RawMessage, cas int, versions []int) answer {
	kind, name, _ := strings.Cut(rest, "/")
	sec := m.secrets[name]
	switch {
	case kind == "metadata" && capability == "list":
		return m.list(name)
	case kind == "metadata" && capability == "delete":
		delete(m.secrets, name)
		return done
	case kind == "data" && (capability == "create" || capability == "update"):
		current := 0
		if sec != nil {
			current = len(sec.versions)
		}
		if cas >= 0 && cas != current {
			return fail(400, "check-and-set parameter did not match the current version")
		}
		if sec == nil {
			sec = &secret{}
			m.secrets[name] = sec
		}
		sec.versions = append(sec.versions, value{data: in, created: now})
		return data(sec.metadata(len(sec.versions)))
	case sec == nil:
		if capability == "delete" {
			return done
		}
		return fail(404)
	case kind == "undelete":
		for _, n := range versions {
			sec.versions[n-1].deleted = time.Time{}
		}
		return done
	case kind == "metadata":
		all := map[string]any{}
		for n := range sec.versions {
			all[fmt.Sprint(n+1)] = sec.metadata(n + 1)
		}
		return data(map[string]any{"current_version": len(sec.versions), "versions": all, "custom_metadata": sec.custom})
	case kind == "data" && capability == "delete":
		if v := &sec.versions[len(sec.versions)-1]; v.deleted.IsZero() {
			v.deleted = now
		}
		return done
	case kind == "data":
		n := len(sec.versions)
		a := data(map[string]any{"data": sec.versions[n-1].data, "metadata": sec.metadata(n)})
		if !sec.versions[n-1].deleted.IsZero() {
			a = data(map[string]any{"data": nil, "metadata": sec.metadata(n)})
			a.status = 404
		}
		return a
	}
	return fail(404)
}

func (sec *secret) metadata(n int) map[string]any {
	v, deleted := sec.versions[n-1], ""
	if !v.deleted.IsZero() {
		deleted = v.deleted.UTC().Format(time.RFC3339Nano)
	}
	return map[string]any{"version": n, "created_time": v.created.UTC().Format(time.RFC3339Nano), "deletion_time": deleted, "destroyed": false, "custom_metadata": nil}
}
