package base

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"greffe/events"
)

// Schema is the form of base that this importer reads.
const Schema = "gdpr-base/1"

// maxFile bounds a base. The first one has 32 KB.
const maxFile = 4 << 20

// ErrBase is the class of files that are not a base which can be imported. Its texts
// are one line, name the line of the file, and show no value.
var ErrBase = errors.New("not a compliance base")

// A Base is a file that was read and checked.
type Base struct {
	file   file
	sha256 string
	locale events.Locale
}

// Read reads a base. Everything it refuses has the class [ErrBase], but for errors of r.
func Read(r io.Reader) (*Base, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the base: %w", err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%w: the file has more than %d bytes", ErrBase, maxFile)
	}
	b := &Base{sha256: fmt.Sprintf("%x", sha256.Sum256(raw))}
	if err := parse(raw, &b.file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBase, err)
	}
	language, _, _ := strings.Cut(b.file.Source.Language, " ")
	b.locale = events.Locale(language)
	if err := b.file.counts(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBase, err)
	}
	return b, nil
}

// Warnings returns the ambiguities that the base itself declares.
func (b *Base) Warnings() []Warning { return b.file.Issues }

func parse(raw []byte, out *file) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return errors.New(oneLine(err))
	}
	if len(doc.Content) == 0 {
		return errors.New("the file is empty")
	}
	root := doc.Content[0]
	if err := schemaOf(root); err != nil {
		return err
	}
	if err := (&checker{}).check(root, reflect.TypeFor[file]()); err != nil {
		return err
	}
	dropSuggested(root)
	if err := root.Decode(out); err != nil {
		return errors.New(oneLine(err))
	}
	return nil
}

// schemaOf looks at the schema before anything else, so that a foreign file gets an
// answer about what it is and not about its first key.
func schemaOf(root *yaml.Node) error {
	if root.Kind == yaml.MappingNode {
		for i := 0; i < len(root.Content); i += 2 {
			if root.Content[i].Value != "schema" {
				continue
			}
			if root.Content[i+1].Value != Schema {
				return fmt.Errorf("line %d: schema: only %s can be imported", root.Content[i+1].Line, Schema)
			}
			return nil
		}
	}
	return fmt.Errorf("line %d: the key \"schema\" is required, with the value %s", root.Line, Schema)
}

// oneLine flattens an error of package yaml. Its syntax errors hold no values.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "yaml:", "")), " ")
}

// counts holds what the base says about its rows against the rows.
func (f *file) counts() error {
	for _, c := range []struct {
		section string
		stated  *int
		rows    int
	}{
		{"processing_activities", f.Activities.Count, len(f.Activities.Items)},
		{"measures", f.Measures.Count, len(f.Measures.Items)},
		{"retention", f.Retention.Count, len(f.Retention.Items)},
	} {
		if c.stated != nil && *c.stated != c.rows {
			return fmt.Errorf("%s: count says %d and there are %d rows", c.section, *c.stated, c.rows)
		}
	}
	if f.Security == nil {
		return nil
	}
	return f.Security.check()
}

// check holds the security self-assessment against its legend and its counts.
func (s *security) check() error {
	found := map[string]int{"topics": len(s.Topics)}
	for _, t := range s.Topics {
		for i, m := range t.Measures {
			if len(m) != 2 {
				return fmt.Errorf("security_self_assessment: topic %d, measure %d: must be a pair of text and state", t.N, i+1)
			}
			if _, ok := securityStates[m[1]]; !ok {
				return fmt.Errorf("security_self_assessment: topic %d, measure %d: the state must be V, E, P or -", t.N, i+1)
			}
			found["measures"]++
			found[countName[m[1]]]++
		}
	}
	for name, stated := range s.Counts {
		if found[name] != stated {
			return fmt.Errorf("security_self_assessment: counts.%s says %d and there are %d", name, stated, found[name])
		}
	}
	return nil
}

// countName is where the base counts the measures of a state.
var countName = map[string]string{"V": "Validated", "E": "Enhancement", "P": "In_progress", "-": "empty"}

// securityStates are the states of the base; an empty cell is no state.
var securityStates = map[string]events.SecurityState{
	"V": events.SecurityValidated, "E": events.SecurityEnhancement, "P": events.SecurityInProgress, "-": "",
}
