package events

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The decoder's steps over the text of JSON. None of them allocates, but for texts
// with escapes.

// next passes over white space and returns the byte there, 0 at the end.
func (d *decoder) next() byte {
	for d.pos < len(d.in) {
		if b := d.in[d.pos]; b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b
		}
		d.pos++
	}
	return 0
}

// open steps into an object or list and reports whether it has members.
func (d *decoder) open(end byte) bool {
	d.pos++
	if d.next() == end {
		d.pos++
		return false
	}
	return true
}

// more steps over a comma or the end and reports whether another member follows.
func (d *decoder) more(end byte) bool {
	switch d.next() {
	case ',':
		d.pos++
		return true
	case end:
		d.pos++
	default:
		d.malformed()
	}
	return false
}

// name reads a member's name and the colon.
func (d *decoder) name() (string, bool) {
	if d.next() != '"' {
		d.malformed()
		return "", false
	}
	name := d.str()
	if d.next() != ':' {
		d.malformed()
		return "", false
	}
	d.pos++
	return name, true
}

// str reads the string at pos and returns its text.
func (d *decoder) str() string {
	start := d.pos + 1
	end := strings.IndexByte(d.in[start:], '"')
	if end < 0 {
		d.malformed()
		return ""
	}
	if t := d.in[start : start+end]; strings.IndexByte(t, '\\') < 0 {
		d.pos = start + end + 1
		return t
	}
	return d.escaped()
}

func (d *decoder) escaped() string {
	end := d.pos + 1
	for ; end < len(d.in) && d.in[end] != '"'; end++ {
		if d.in[end] == '\\' {
			end++
		}
	}
	if end >= len(d.in) {
		d.malformed()
		return ""
	}
	t, err := jsontext.AppendUnquote(nil, d.in[d.pos:end+1])
	if err != nil {
		d.malformed()
		return ""
	}
	d.pos = end + 1
	return string(t)
}

// number passes over a number and reports whether it is written as an integer.
func (d *decoder) number() bool {
	start, whole := d.pos, true
	for d.pos < len(d.in) {
		switch b := d.in[d.pos]; {
		case isDigit(b), b == '-' && d.pos == start:
		case b == '.', b == 'e', b == 'E', b == '+', b == '-':
			whole = false
		default:
			return whole && d.in[d.pos-1] != '-'
		}
		d.pos++
	}
	return whole && d.in[d.pos-1] != '-'
}

// skip passes over one value of any kind and looks in it for what may not be there.
func (d *decoder) skip(depth int) {
	if depth > MaxDepth {
		d.malformed()
		return
	}
	switch b := d.next(); {
	case b == '"':
		if t := d.str(); d.guard {
			d.look(t)
		}
	case b == '{':
		for more := d.open('}'); more; more = d.more('}') {
			name, ok := d.name()
			if !ok {
				return
			}
			if name == "$id" || name == "$box" {
				d.unknown(name)
				continue
			}
			d.skip(depth + 1)
		}
	case b == '[':
		for more := d.open(']'); more; more = d.more(']') {
			d.skip(depth + 1)
		}
	case b == '-' || isDigit(b):
		d.number()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(d.in[d.pos:], word) {
				d.pos += len(word)
				return
			}
		}
		d.malformed()
	}
}
