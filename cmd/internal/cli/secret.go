package cli

import (
	"errors"
	"fmt"
	"net/url"
)

// Connecting says that a connection failed, without the URL that was given: it may hold
// a password.
func Connecting(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return fmt.Errorf("connect to NATS: the URL cannot be read: %w", parse.Err)
	}
	return fmt.Errorf("connect to NATS: %w", err)
}
