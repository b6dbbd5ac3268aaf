package dotenv

import (
	"encoding/csv"
	"errors"
	"strconv"
	"strings"

	"kitekey/vault"
)

var errNoTable = errors.New("it is not a table")

// parseTable reads a table whose first line has the columns' names: CSV, or cells
// with tabs in between, as copied from a spreadsheet or a page. A row is one
// credential.
func parseTable(text string) ([]variable, error) {
	head, _, more := strings.Cut(text, "\n")
	if !more {
		return nil, errNoTable
	}
	if head[0] == '|' { // Markdown
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			lines[i] = strings.Trim(trim(line), "|")
		}
		head, text = lines[0], strings.Join(lines, "\n")
	}
	comma := ','
	for _, c := range "\t;|" {
		if strings.Count(head, string(c)) > strings.Count(head, string(comma)) {
			comma = c
		}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.TrimLeadingSpace, r.FieldsPerRecord = comma, true, 0 // every line has as many as the first
	if comma == '\t' {
		r.TrimLeadingSpace, r.LazyQuotes = false, true
	}
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, errNoTable
	}
	columns, halves := make([]string, len(rows[0])), 0
	for i, title := range rows[0] {
		columns[i] = trim(title)
		if half := (variable{name: columns[i]}).parseName(true).role; half == roleKey || half == roleSecret {
			halves++
		}
		if columns[i] != "" && !lineTitle().MatchString(columns[i]) || isValue(columns[i]) && !isLabel(columns[i]) { // not a title
			return nil, errNoTable
		}
	}
	if halves == 0 || len(columns) < 2 {
		return nil, errNoTable
	}
	var fields []variable
	for n, row := range rows[1:] {
		if !strings.ContainsFunc(strings.Join(row, ""), func(r rune) bool { return r != '-' && r != ':' && r != ' ' }) {
			continue // the rule below the titles of a Markdown table
		}
		for i, value := range row {
			if value = trim(value); isLabel(value) {
				return nil, errNoTable
			} else if value != "" {
				fields = append(fields, cell("."+strconv.Itoa(n+1), columns[i], value)...)
			}
		}
	}
	return fields, nil
}

// cell returns the variables of a cell. A name such as "Acme Stores" is the label,
// and gives the account.
func cell(group, title, value string) []variable {
	switch strings.Join(words(title), " ") {
	case "name", "account", "account name", "business", "business account", "business name", "merchant", "merchant account", "merchant name":
	default:
		return []variable{{group: group, name: title, value: value}}
	}
	account := strings.Join(words(value), "-")
	if vault.ValidAccount(value) == nil || vault.ValidAccount(account) != nil {
		return []variable{{group: group, name: "account", value: value}}
	}
	return []variable{{group: group, name: "account", value: account}, {group: group, name: "label", value: value}}
}
