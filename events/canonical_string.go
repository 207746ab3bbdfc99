package events

import "unicode/utf8"

// Strings of canonical JSON: read strictly, written with the escapes of RFC 8785.

// plain marks the bytes of a string that stand for themselves.
var plain = func() (t [256]bool) {
	for b := 0x20; b < utf8.RuneSelf; b++ {
		t[b] = b != '"' && b != '\\'
	}
	return t
}()

func (c *Canonicalizer) str(dst []byte) ([]byte, error) {
	c.pos++ // the opening quote
	dst = append(dst, '"')
	for {
		start := c.pos
		for c.pos < len(c.src) && plain[c.src[c.pos]] {
			c.pos++
		}
		dst = append(dst, c.src[start:c.pos]...)
		if c.pos == len(c.src) {
			return dst, c.refuse("a string without end")
		}
		switch b := c.src[c.pos]; {
		case b == '"':
			c.pos++
			return append(dst, '"'), nil
		case b == '\\':
			var err error
			if dst, err = c.escape(dst); err != nil {
				return dst, err
			}
		case b < 0x20:
			return dst, c.refuse("a control character inside a string")
		default:
			r, size := utf8.DecodeRune(c.src[c.pos:])
			if r == utf8.RuneError && size == 1 {
				return dst, c.refuse("invalid UTF-8")
			}
			dst = append(dst, c.src[c.pos:c.pos+size]...)
			c.pos += size
		}
	}
}

// escape reads one escape sequence and appends what it stands for.
func (c *Canonicalizer) escape(dst []byte) ([]byte, error) {
	if c.pos+1 >= len(c.src) {
		return dst, c.refuse("a string without end")
	}
	b := c.src[c.pos+1]
	if b == 'u' {
		return c.escapeU(dst)
	}
	c.pos += 2
	switch b {
	case '"', '\\', 'b', 't', 'n', 'f', 'r':
		return append(dst, '\\', b), nil
	case '/':
		return append(dst, '/'), nil
	default:
		c.pos -= 2
		return dst, c.refuse("an unknown escape")
	}
}

func (c *Canonicalizer) escapeU(dst []byte) ([]byte, error) {
	r, ok := c.hex4(c.pos)
	if !ok {
		return dst, c.refuse("an incomplete \\u escape")
	}
	size := 6
	if 0xD800 <= r && r < 0xE000 {
		low, ok := c.hex4(c.pos + 6)
		if r >= 0xDC00 || !ok || low < 0xDC00 || low >= 0xE000 {
			return dst, c.refuse("a lone surrogate")
		}
		r, size = 0x10000+(r-0xD800)<<10+(low-0xDC00), 12
	}
	c.pos += size
	return appendRune(dst, r), nil
}

// hex4 reads the \uXXXX that starts at pos.
func (c *Canonicalizer) hex4(pos int) (rune, bool) {
	if pos+6 > len(c.src) || c.src[pos] != '\\' || c.src[pos+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, b := range c.src[pos+2 : pos+6] {
		if !isHex(b) {
			return 0, false
		}
		r = r<<4 | rune(unhex(b))
	}
	return r, true
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}

func unhex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

// appendRune appends one character of a string with the escapes of RFC 8785 §3.2.2.2.
func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r >= 0x20:
		return utf8.AppendRune(dst, r)
	}
	switch r {
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	default:
		const digits = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
}

// appendString appends s, which must be valid UTF-8, as a canonical JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		dst = appendRune(dst, r)
	}
	return append(dst, '"')
}

// appendUnescaped undoes the escapes of a canonical string's inside.
func appendUnescaped(dst, inside []byte) []byte {
	for i := 0; i < len(inside); i++ {
		if inside[i] != '\\' {
			dst = append(dst, inside[i])
			continue
		}
		i++
		switch inside[i] {
		case 'b':
			dst = append(dst, '\b')
		case 't':
			dst = append(dst, '\t')
		case 'n':
			dst = append(dst, '\n')
		case 'f':
			dst = append(dst, '\f')
		case 'r':
			dst = append(dst, '\r')
		case 'u': // canonical: only \u00xx
			dst = append(dst, unhex(inside[i+3])<<4|unhex(inside[i+4]))
			i += 4
		default: // quote, backslash
			dst = append(dst, inside[i])
		}
	}
	return dst
}
