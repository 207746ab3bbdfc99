package events

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// MaxDepth is how many objects and arrays may be open at once.
const MaxDepth = 32

// MaxSubmit is the size of a submitted event in bytes (64 KiB); MaxPayload is the
// size of a stored one (256 KiB), which sealing may have made larger.
const (
	MaxSubmit  = 64 << 10
	MaxPayload = 256 << 10
)

// maxInteger is the largest magnitude of a number, 2^53-1: what every JSON
// implementation reads without loss (RFC 8259 §6).
const maxInteger = "9007199254740991"

// ErrNotCanonical is the class of everything that [AppendCanonical] refuses.
var ErrNotCanonical = errors.New("not acceptable JSON")

// AppendCanonical appends the canonical form of the JSON value in src to dst.
//
// The form (FORMAT.md §1): UTF-8 without white space; members sorted by the
// UTF-8 bytes of their names; the escapes of RFC 8785; no Unicode normalisation;
// numbers are integers within ±(2^53−1), without fraction, exponent or minus zero.
// Duplicate names, invalid UTF-8, lone surrogates, null, and more than [MaxDepth]
// levels are refused with an error of class [ErrNotCanonical] that names the
// offset and never the content.
func AppendCanonical(dst, src []byte) ([]byte, error) {
	var c Canonicalizer
	return c.Append(dst, src)
}

// A Canonicalizer is [AppendCanonical] with scratch memory that is used again.
// The zero value is ready. It is not safe for concurrent use.
type Canonicalizer struct {
	src     []byte
	pos     int
	depth   int
	members []member // of all open objects, innermost last
	scratch []byte
	compare []byte
}

// A member is the place of one `"name":value` in the output.
type member struct {
	start, nameEnd, end int
	escaped             bool // the name contains a backslash
}

// Append appends the canonical form of src to dst, as [AppendCanonical] does.
// After an error dst is returned as it came.
func (c *Canonicalizer) Append(dst, src []byte) ([]byte, error) {
	c.src, c.pos, c.depth, c.members = src, 0, 0, c.members[:0]
	start := len(dst)
	out, err := c.value(dst)
	if err != nil {
		return dst[:start], err
	}
	c.space()
	if c.pos != len(src) {
		return dst[:start], c.refuse("something follows the value")
	}
	return out, nil
}

// IsCanonical reports whether b is the canonical form of the value that it holds.
func (c *Canonicalizer) IsCanonical(b []byte) bool {
	out, err := c.Append(c.compare[:0], b)
	c.compare = out[:0]
	return err == nil && bytes.Equal(out, b)
}

func (c *Canonicalizer) refuse(why string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrNotCanonical, why, c.pos)
}

func (c *Canonicalizer) space() {
	for c.pos < len(c.src) {
		switch c.src[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, or 0 at the end.
func (c *Canonicalizer) next() byte {
	c.space()
	if c.pos == len(c.src) {
		return 0
	}
	return c.src[c.pos]
}

func (c *Canonicalizer) value(dst []byte) ([]byte, error) {
	switch b := c.next(); {
	case b == '{':
		return c.object(dst)
	case b == '[':
		return c.array(dst)
	case b == '"':
		return c.str(dst)
	case b == '-' || '0' <= b && b <= '9':
		return c.number(dst)
	case b == 't':
		return c.literal(dst, "true")
	case b == 'f':
		return c.literal(dst, "false")
	case b == 'n':
		return dst, c.refuse("null (leave the member out instead)")
	case b == 0 && c.pos == len(c.src):
		return dst, c.refuse("the text ends too early")
	default:
		return dst, c.refuse("no JSON value")
	}
}

func (c *Canonicalizer) literal(dst []byte, word string) ([]byte, error) {
	if !bytes.HasPrefix(c.src[c.pos:], []byte(word)) {
		return dst, c.refuse("no JSON value")
	}
	c.pos += len(word)
	return append(dst, word...), nil
}

func (c *Canonicalizer) number(dst []byte) ([]byte, error) {
	start := c.pos
	if c.src[c.pos] == '-' {
		c.pos++
	}
	first := c.pos
	for c.pos < len(c.src) && '0' <= c.src[c.pos] && c.src[c.pos] <= '9' {
		c.pos++
	}
	digits := c.src[first:c.pos]
	if c.pos < len(c.src) && (c.src[c.pos] == '.' || c.src[c.pos]|0x20 == 'e') {
		return dst, c.refuse("a number with fraction or exponent (write decimals as strings)")
	}
	switch {
	case len(digits) == 0:
		return dst, c.refuse("a minus without digits")
	case digits[0] == '0' && (len(digits) > 1 || first > start):
		return dst, c.refuse("a number with a leading zero or minus zero")
	case len(digits) > len(maxInteger), len(digits) == len(maxInteger) && string(digits) > maxInteger:
		return dst, c.refuse("a number beyond 2^53-1 (write it as a string)")
	}
	return append(dst, c.src[start:c.pos]...), nil
}

func (c *Canonicalizer) enter() error {
	c.depth++
	if c.depth > MaxDepth {
		return c.refuse(fmt.Sprintf("more than %d levels", MaxDepth))
	}
	c.pos++
	return nil
}

func (c *Canonicalizer) array(dst []byte) ([]byte, error) {
	if err := c.enter(); err != nil {
		return dst, err
	}
	dst = append(dst, '[')
	if c.next() == ']' {
		c.pos++
		c.depth--
		return append(dst, ']'), nil
	}
	for {
		var err error
		if dst, err = c.value(dst); err != nil {
			return dst, err
		}
		switch c.next() {
		case ',':
			c.pos++
			dst = append(dst, ',')
		case ']':
			c.pos++
			c.depth--
			return append(dst, ']'), nil
		default:
			return dst, c.refuse("no comma or bracket after an array element")
		}
	}
}

func (c *Canonicalizer) object(dst []byte) ([]byte, error) {
	if err := c.enter(); err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	body, mark := len(dst), len(c.members)
	if c.next() == '}' {
		c.pos++
		c.depth--
		return append(dst, '}'), nil
	}
	for {
		var err error
		if dst, err = c.member(dst); err != nil {
			return dst, err
		}
		switch c.next() {
		case ',':
			c.pos++
			dst = append(dst, ',')
		case '}':
			c.pos++
			c.depth--
			dst, err = c.sort(dst, body, mark)
			return append(dst, '}'), err
		default:
			return dst, c.refuse("no comma or brace after a member")
		}
	}
}

func (c *Canonicalizer) member(dst []byte) ([]byte, error) {
	m := member{start: len(dst)}
	if c.next() != '"' {
		return dst, c.refuse("no member name")
	}
	dst, err := c.str(dst)
	if err != nil {
		return dst, err
	}
	m.nameEnd = len(dst)
	m.escaped = bytes.IndexByte(dst[m.start:m.nameEnd], '\\') >= 0
	if c.next() != ':' {
		return dst, c.refuse("no colon after a member name")
	}
	c.pos++
	if dst, err = c.value(append(dst, ':')); err != nil {
		return dst, err
	}
	m.end = len(dst)
	c.members = append(c.members, m)
	return dst, nil
}

// sort puts the members since mark, which fill dst from body on, in order.
func (c *Canonicalizer) sort(dst []byte, body, mark int) ([]byte, error) {
	members := c.members[mark:]
	c.members = c.members[:mark]
	order := func(a, b member) int { return bytes.Compare(name(dst, a), name(dst, b)) }
	sorted := true
	for i := 1; i < len(members) && sorted; i++ {
		sorted = order(members[i-1], members[i]) < 0
	}
	if sorted {
		return dst, nil
	}
	slices.SortFunc(members, order)
	c.scratch = c.scratch[:0]
	for i, m := range members {
		if i > 0 {
			if order(members[i-1], m) == 0 {
				return dst, c.refuse("a member name that stands twice in the object that ends")
			}
			c.scratch = append(c.scratch, ',')
		}
		c.scratch = append(c.scratch, dst[m.start:m.end]...)
	}
	return append(dst[:body], c.scratch...), nil
}

// name returns the bytes by which a member is ordered: its name without escapes.
func name(dst []byte, m member) []byte {
	quoted := dst[m.start+1 : m.nameEnd-1]
	if !m.escaped {
		return quoted
	}
	return appendUnescaped(nil, quoted)
}
