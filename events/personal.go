package events

import (
	"net/netip"
	"regexp"
	"strings"
)

// PersonalData looks in a free text for what can single out a person: an e-mail
// address, a telephone number (E.164, or ten digits as in France), an IBAN, a French
// national number, an IP address. It returns what it found, or "".
//
// It is a net for accidents, not a proof: a name passes. It may also stop a harmless
// text, which costs its publisher a rewording; a person's data in the ledger would
// cost more.
func PersonalData(text string) string {
	if !suspicious(text) {
		return ""
	}
	switch {
	case email.MatchString(text):
		return "an e-mail address"
	case international.MatchString(text), french.MatchString(text):
		return "a telephone number"
	case anyMatch(iban, text, validIBAN):
		return "an IBAN"
	case anyMatch(nir, text, validNIR):
		return "a national number"
	case anyMatch(address, text, validAddress):
		return "an IP address"
	}
	return ""
}

var (
	email         = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)
	international = regexp.MustCompile(`(^|[^\w+/])\+[1-9]([ .-]?\d){7,14}($|\D)`)
	french        = regexp.MustCompile(`(^|[^\w/.-])0[1-9](\d{8}|( \d\d){4}|(\.\d\d){4}|(-\d\d){4})($|[^\w/-])`)
	iban          = regexp.MustCompile(`\b[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){2,7}( ?[A-Z0-9]{1,4})?\b`)
	nir           = regexp.MustCompile(`\b[1-478] ?\d\d ?\d\d ?(\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d\b`)
	address       = regexp.MustCompile(`[0-9A-Fa-f:.]{3,45}`)
)

// suspicious reports whether text is worth a closer look: nearly none is.
func suspicious(text string) bool {
	digits, dots, colons := 0, 0, 0
	for i := range len(text) {
		switch b := text[i]; {
		case b == '@':
			return true
		case isDigit(b):
			digits++
		case b == '.':
			dots++
		case b == ':':
			colons++
		}
	}
	return digits >= 8 || digits >= 4 && dots >= 3 || colons >= 2
}

func anyMatch(re *regexp.Regexp, text string, valid func(string) bool) bool {
	for _, m := range re.FindAllString(text, -1) {
		if valid(m) {
			return true
		}
	}
	return false
}

// validIBAN computes ISO 7064 mod 97-10 over the number with its head at the end.
func validIBAN(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, b := range []byte(s[4:] + s[:4]) {
		switch {
		case isDigit(b):
			rest = (rest*10 + int(b-'0')) % 97
		default:
			rest = (rest*100 + int(b-'A') + 10) % 97
		}
	}
	return rest == 1
}

// validNIR holds the key, 97 less the number mod 97; Corsica's 2A and 2B count as 19
// and 18.
func validNIR(s string) bool {
	s = strings.NewReplacer(" ", "", "2A", "19", "2B", "18").Replace(s)
	var number, key int64
	for i, b := range []byte(s) {
		if i < 13 {
			number = number*10 + int64(b-'0')
			continue
		}
		key = key*10 + int64(b-'0')
	}
	return 97-number%97 == key
}

func validAddress(s string) bool {
	a, err := netip.ParseAddr(strings.TrimRight(s, ".:"))
	return err == nil && !a.IsUnspecified()
}
