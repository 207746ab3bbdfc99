package witness

// ParseRequest reads a body and writes it again.
func ParseRequest(body []byte) (again []byte, err error) {
	r, err := parseRequest(body)
	if err != nil {
		return nil, err
	}
	return r.append(nil), nil
}

// SetWrite replaces how the state is written.
func (w *Witness) SetWrite(f func(dir string, seen map[string]Seen) error) { w.write = f }
