// Package sqlfile reads the statements of an adapter from its embedded .sql files, so that SQL stands in files and Go names it.
//
// A statement begins after a line `-- name: some_name` and ends before the next one. Further comments are kept: they show
// up in the database's own logs.
package sqlfile

import (
	"fmt"
	"io/fs"
	"strings"
)

const marker = "-- name: "

// MustLoad reads the statements of a folder that is embedded in the program. What is wrong with them is a defect of the program,
// so it panics.
func MustLoad(files fs.FS, folder string) map[string]string {
	dir, err := fs.Sub(files, folder)
	if err != nil {
		panic("sqlfile: " + err.Error())
	}
	loaded, err := Load(dir)
	if err != nil {
		panic("sqlfile: " + err.Error())
	}
	return loaded
}

// Load reads every .sql file at the root of fsys. A name given twice, in whichever files, is an error, and so are text
// before the first name and a name without a statement.
func Load(fsys fs.FS) (map[string]string, error) {
	files, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	statements := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, err
		}
		if err := add(statements, file, string(text)); err != nil {
			return nil, err
		}
	}
	return statements, nil
}

func add(statements map[string]string, file, text string) error {
	head, rest, found := strings.Cut("\n"+text, "\n"+marker)
	if strings.TrimSpace(head) != "" {
		return fmt.Errorf("%s: text before the first %q", file, marker)
	}
	for found {
		var block string
		block, rest, found = strings.Cut(rest, "\n"+marker)
		name, statement, _ := strings.Cut(block, "\n")
		name, statement = strings.TrimSpace(name), strings.TrimSpace(statement)
		switch _, twice := statements[name]; {
		case twice:
			return fmt.Errorf("%s: statement %q is named twice", file, name)
		case name == "" || statement == "":
			return fmt.Errorf("%s: statement %q has no name or no text", file, name)
		}
		statements[name] = statement
	}
	return nil
}
