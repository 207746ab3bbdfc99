package events

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSON Schema 2020-12 of the events, for publishers in any language and for offline
// checks. The schemas are written from the same shapes that [Type.Decode] reads by. Two
// rules are beyond them: a person in clear inside the values of an amendment, and an id
// in data that differs from the subject's.

const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// schema is a JSON object on its way out.
type schema map[string]any

// SubmitSchema returns the schema of a whole event of the type as a publisher sends it:
// with every attribute but actor, which is not the publisher's to set.
func (t *Type) SubmitSchema() []byte {
	s := envelopeSchema()
	s["$id"] = "urn:greffe:schema:" + t.Wire() + ":submit"
	s["title"], s["description"] = t.Label.En, "Kept for "+t.Law+"."
	s["x-label"] = schema{"en": t.Label.En, "fr": t.Label.Fr}
	p := s["properties"].(schema)
	p["type"] = schema{"const": t.Wire()}
	p["subject"] = schema{"type": "string", "maxLength": MaxAggregate, "pattern": t.about.subjectPattern()}
	data := t.shape.schema()
	data["examples"] = []any{jsontext.Value(t.Example)}
	p["data"] = data
	if t.shape.has(anyValue) {
		s["$defs"] = schema{"value": valueSchema()}
	}
	return write(s)
}

// LedgerSchema returns the schema of the envelope of every event in a ledger: that of
// a submission with an actor. data is as in the submit schema of the event's type.
func LedgerSchema() []byte {
	s := envelopeSchema()
	s["$id"], s["title"] = "urn:greffe:schema:event:ledger", "An event in a ledger"
	p := s["properties"].(schema)
	p["actor"] = schema{"type": "string", "minLength": 1, "maxLength": MaxActor, "description": "kind/ref or kind/ref/role, from the authenticated publisher"}
	p["type"] = schema{"type": "string", "maxLength": MaxType, "pattern": `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]{0,3}$`}
	p["subject"] = schema{"type": "string", "maxLength": MaxAggregate, "pattern": `^[a-z][a-z0-9_]*/[!-~]+$`}
	p["data"] = schema{"type": "object", "description": "as in the submit schema of the type"}
	s["required"] = append([]string{"actor"}, s["required"].([]string)...)
	return write(s)
}

func envelopeSchema() schema {
	instant := textSchema(Instant("").format())
	id := textSchema(ID("").format())
	return schema{
		"$schema": schemaDialect, "type": "object", "additionalProperties": false,
		"required": []string{"data", "id", "recordedat", "source", "specversion", "subject", "time", "type"},
		"properties": schema{
			"specversion":     schema{"const": SpecVersion},
			"id":              id,
			"source":          schema{"type": "string", "minLength": 1, "maxLength": MaxSource, "description": "publishing service and build"},
			"time":            instant,
			"timeprecision":   schema{"enum": Precision("").Values()},
			"recordedat":      instant,
			"correlationid":   id,
			"causationid":     id,
			"corrects":        id,
			"reason":          schema{"type": "string", "minLength": 1, "maxLength": MaxReason, "description": "why; no personal data"},
			"datacontenttype": schema{"const": "application/json"},
		},
	}
}

// subjectPattern puts the kind before each alternative of the id's pattern.
func (a *Aggregate) subjectPattern() string {
	return strings.ReplaceAll("|"+a.Pattern, "|^", "|^"+a.Kind+"/")[1:]
}

// schema returns the schema of a value.
func (s *shape) schema() schema {
	switch s.kind {
	case object:
		return s.objectSchema()
	case list:
		out := schema{"type": "array", "items": s.elem.schema(), "maxItems": s.max}
		if s.min > 0 {
			out["minItems"] = s.min
		}
		return out
	case dict:
		return schema{"type": "object", "minProperties": s.min, "maxProperties": s.max,
			"propertyNames": s.key.schema(), "additionalProperties": s.elem.schema()}
	case enum:
		return schema{"enum": s.values}
	case integer:
		return schema{"type": "integer", "minimum": s.low, "maximum": s.high}
	case boolean:
		return schema{"type": "boolean"}
	case anyValue:
		return schema{"$ref": "#/$defs/value"}
	}
	if s.format != nil {
		return textSchema(*s.format)
	}
	return schema{"type": "string", "minLength": 1, "maxLength": s.max}
}

func (s *shape) objectSchema() schema {
	properties, required := schema{}, []string{}
	for i, f := range s.fields {
		properties[f.name] = f.shape.schema()
		if s.required&(1<<i) != 0 {
			required = append(required, f.name)
		}
	}
	out := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func textSchema(f format) schema {
	out := schema{"type": "string", "pattern": f.pattern, "description": f.want}
	if f.schema != "" {
		out["format"] = f.schema
	}
	if f.class != "" {
		out["x-personal"] = f.class
	}
	return out
}

// valueSchema is every value without a request for a pseudonym or a sealed part in it.
func valueSchema() schema {
	self := schema{"$ref": "#/$defs/value"}
	return schema{"type": []string{"string", "integer", "boolean", "array", "object"},
		"items": self, "properties": schema{"$id": false, "$box": false}, "additionalProperties": self}
}

// has reports whether a kind occurs in a shape.
func (s *shape) has(k kind) bool {
	found := false
	s.walk(func(n *shape) { found = found || n.kind == k })
	return found
}

func write(s schema) []byte {
	out, err := json.Marshal(s, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic(fmt.Sprintf("schemas are made of texts, numbers and maps: %v", err))
	}
	return append(out, '\n')
}
