package chain

// Limits on the names in a header, in bytes (FORMAT §6).
const (
	// MaxPublisher bounds the publisher's name, which is also a topic token.
	MaxPublisher = 32
	// MaxType bounds the event type, version included.
	MaxType = 80
	// MaxAggregate bounds the aggregate, kind and id together.
	MaxAggregate = 96
)

// isLower reports whether c is an ASCII lower-case letter.
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// isDigit reports whether c is an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// validPublisher reports whether s matches ^[a-z][a-z0-9-]{0,31}$.
func validPublisher[S ~string | ~[]byte](s S) bool {
	if len(s) == 0 || len(s) > MaxPublisher || !isLower(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

// validType reports whether s matches
// ^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]{0,3}$.
func validType[S ~string | ~[]byte](s S) bool {
	if len(s) > MaxType {
		return false
	}
	dot := len(s) - 1
	for dot >= 0 && s[dot] != '.' {
		dot--
	}
	if dot < 0 || !validVersion(s[dot+1:]) {
		return false
	}
	words, start := 0, 0
	for i := 0; i <= dot; i++ {
		if s[i] != '.' {
			continue
		}
		if !validWord(s[start:i]) {
			return false
		}
		words++
		start = i + 1
	}
	return words >= 2
}

// validVersion reports whether s matches ^v[1-9][0-9]{0,3}$.
func validVersion[S ~string | ~[]byte](s S) bool {
	if len(s) < 2 || len(s) > 5 || s[0] != 'v' || s[1] == '0' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// validWord reports whether s matches ^[a-z][a-z0-9_]*$.
func validWord[S ~string | ~[]byte](s S) bool {
	if len(s) == 0 || !isLower(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '_' {
			return false
		}
	}
	return true
}

// validAggregate reports whether s is "kind/id": a word, a slash, and at least
// one more byte, all of it printable ASCII without the space.
func validAggregate[S ~string | ~[]byte](s S) bool {
	if len(s) > MaxAggregate {
		return false
	}
	slash := 0
	for slash < len(s) && s[slash] != '/' {
		slash++
	}
	if slash+1 >= len(s) || !validWord(s[:slash]) {
		return false
	}
	for i := slash + 1; i < len(s); i++ {
		if c := s[i]; c < 0x21 || c > 0x7e {
			return false
		}
	}
	return true
}
