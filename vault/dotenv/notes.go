package dotenv

import (
	"encoding/json"
	"strconv"
	"strings"
)

// parseNotes reads the texts of several lines that are values in JSON or cells of a
// table: the notes of a password manager's entries. Each is a group of its own. The
// name or the title of its entry may say the environment.
func parseNotes(text string) ([]variable, error) {
	values, err := entryValues(text)
	if err != nil {
		return nil, err
	}
	names := map[string]string{} // of the entries, by group
	for _, v := range values {
		if name := strings.ToLower(v.name); name == "name" || name == "title" {
			names[v.group] = v.value
		}
	}
	var fields []variable
	for i, v := range values {
		inside, err := parseNote(v.value)
		if err != nil {
			continue
		}
		group := "." + strconv.Itoa(i+1)
		var r parsedName
		if r.takeEnvironment(words(names[v.group])); r.env != "" && !r.both {
			fields = append(fields, variable{group: group, name: "environment", value: string(r.env)})
		}
		for _, f := range inside {
			f.group = group + f.group
			fields = append(fields, f)
		}
	}
	return fields, nil
}

// entryValues returns the values of JSON, or the cells of a table, with the names of
// their columns.
func entryValues(text string) (values []variable, err error) {
	if isJSON(text) {
		w := jsonWalk{dec: json.NewDecoder(strings.NewReader(text))}
		if w.value("", nil, "") != nil {
			return nil, errNotJSON
		}
		return w.fields, nil
	}
	rows, err := cells(text)
	if err != nil || len(rows) < 2 || len(rows[0]) < 2 {
		return nil, errNoTable
	}
	if _, ours := columnTitles(rows[0]); ours {
		return nil, errNoTable // its rows are credentials, and notes beside them are not
	}
	for n, row := range rows[1:] {
		for i, value := range row {
			values = append(values, variable{group: "." + strconv.Itoa(n+1), name: trim(rows[0][i]), value: value})
		}
	}
	return values, nil
}

// parseNote reads one of the texts: lines of names and values, or else prose.
func parseNote(text string) ([]variable, error) {
	text = trim(lineEnds.Replace(text))
	if !strings.Contains(text, "\n") {
		return nil, errNoTable
	}
	if fields, err := parseLines(text); err == nil {
		return fields, nil
	}
	return parseText(text)
}
