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
	rows, err := cells(text)
	if err != nil || len(rows) < 2 || len(rows[0]) < 2 {
		return nil, errNoTable
	}
	titles, ok := columnTitles(rows[0])
	if !ok {
		return nil, errNoTable
	}
	var fields []variable
	for n, row := range rows[1:] {
		if len(fields) > maxFields {
			return nil, errTooMany
		}
		if isRule(row) {
			continue
		}
		for i, value := range row {
			if value = trim(value); isLabel(value) {
				return nil, errNoTable
			} else if value != "" {
				fields = append(fields, cell("."+strconv.Itoa(n+1), titles[i], value)...)
			}
		}
	}
	return fields, nil
}

// cells splits a table into its rows and cells. Every row has as many cells as the
// first.
func cells(text string) (rows [][]string, err error) {
	if text[0] == '|' { // Markdown
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			lines[i] = strings.Trim(trim(line), "|")
		}
		text = strings.Join(lines, "\n")
	}
	head, _, _ := strings.Cut(text, "\n")
	comma := ','
	for _, c := range "\t;|" {
		if strings.Count(head, string(c)) > strings.Count(head, string(comma)) {
			comma = c
		}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.TrimLeadingSpace = comma, true
	if comma == '\t' {
		r.TrimLeadingSpace, r.LazyQuotes = false, true
	}
	return r.ReadAll()
}

// columnTitles trims the titles of a table. ok is false if one of them is not a title, or
// if none is that of an api_key or an api_secret.
func columnTitles(row []string) (titles []string, ok bool) {
	for _, title := range row {
		title = trim(title)
		if title != "" && !lineTitle().MatchString(title) || isValue(title) && !isLabel(title) {
			return nil, false
		}
		role := (variable{name: title}).parseName(true).role
		ok = ok || role == roleKey || role == roleSecret
		titles = append(titles, title)
	}
	return titles, ok
}

// isRule reports whether a row is the rule below the titles of a Markdown table.
func isRule(row []string) bool { return strings.Trim(strings.Join(row, ""), "-: ") == "" }

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
