package embedded

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/bcrypt"

	"greffe/events"
	"greffe/events/durable"
	"greffe/events/stream"
)

// A User is one account of the embedded server, as it is kept on disk: its password
// only as a hash.
type User struct {
	Name string      `json:"name"`
	Role stream.Role `json:"role"`
	Hash string      `json:"hash"` // bcrypt of a random 256-bit password
}

// ErrUserExists means that a publisher of that name is there already.
var ErrUserExists = errors.New("exists already")

// Users are the users of one daemon folder: DIR/users.json with the hashes, and one
// file of credentials each in DIR/roles and DIR/publishers.
type Users struct {
	dir    string
	ledger string
	url    string // where the server listens, once it is known
	list   []User
}

// LoadUsers reads the users of a daemon folder, and makes those of the roles that
// are missing.
func LoadUsers(dir, ledger string) (*Users, error) {
	list, err := ReadUsers(dir)
	if err != nil {
		return nil, err
	}
	u := &Users{dir: dir, ledger: ledger, list: list}
	for _, role := range Roles {
		if err := u.ensureRole(role); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// ReadUsers reads the users of a daemon folder; a folder without any has none.
func ReadUsers(dir string) ([]User, error) {
	path := usersPath(dir)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	var list []User
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read users: %s is damaged (%w), restore it or delete it to make new passwords", path, err)
	}
	return list, nil
}

func usersPath(dir string) string { return filepath.Join(dir, "users.json") }

// ensureRole makes a role's user if it or its credentials are missing. A crash
// between the two files leaves a user that nobody can use; the next start makes it anew.
func (u *Users) ensureRole(role stream.Role) error {
	_, err := os.Stat(stream.CredentialsPath(u.dir, role, string(role)))
	if err == nil && u.index(string(role)) >= 0 {
		return nil
	}
	_, err = u.make(string(role), role)
	return err
}

// SetURL says where the server listens now, and rewrites the credentials that name
// another place.
func (u *Users) SetURL(url string) error {
	u.url = url
	for _, user := range u.list {
		path := stream.CredentialsPath(u.dir, user.Role, user.Name)
		c, err := stream.ReadCredentials(path)
		if err != nil || c.URL == u.url {
			continue // a publisher's file may have been handed over and deleted
		}
		c.URL = u.url
		if err := writeJSON(path, c); err != nil {
			return err
		}
	}
	return nil
}

// List returns the users, sorted by name.
func (u *Users) List() []User { return slices.Clone(u.list) }

// AddPublisher makes a publisher and the file of its credentials. The server learns
// of it through [Server.SetUsers].
func (u *Users) AddPublisher(name string) (stream.Credentials, error) {
	if Reserved(name) {
		return stream.Credentials{}, fmt.Errorf("publisher name must be 1 to 32 of a-z, 0-9 and '-', start with a letter and be none of greffe, import, dpo, auditor, operator, daemon, front")
	}
	if u.index(name) >= 0 {
		return stream.Credentials{}, fmt.Errorf("publisher %s %w: its credentials are in %s, or remove it first", name, ErrUserExists, stream.CredentialsPath(u.dir, stream.RolePublisher, name))
	}
	return u.make(name, stream.RolePublisher)
}

// RemovePublisher takes a publisher's access away. What it published stays.
func (u *Users) RemovePublisher(name string) error {
	i := u.index(name)
	if i < 0 || u.list[i].Role != stream.RolePublisher {
		return fmt.Errorf("no publisher %s", name)
	}
	u.list = slices.Delete(u.list, i, i+1)
	if err := writeJSON(usersPath(u.dir), u.list); err != nil {
		return err
	}
	if err := os.Remove(stream.CredentialsPath(u.dir, stream.RolePublisher, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove credentials: %w", err)
	}
	return nil
}

// make gives a user a fresh random password. The hash may be cheap, since 256 random
// bits cannot be guessed at any speed.
func (u *Users) make(name string, role stream.Role) (stream.Credentials, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return stream.Credentials{}, err
	}
	c := stream.Credentials{URL: u.url, User: name, Password: base64.RawURLEncoding.EncodeToString(secret[:]), InboxPrefix: InboxPrefix(name)}
	if role == stream.RolePublisher {
		c.SubmitSubject = events.SubmitTopic(u.ledger, name)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), bcrypt.MinCost)
	if err != nil {
		return stream.Credentials{}, err
	}
	if i := u.index(name); i >= 0 {
		u.list = slices.Delete(u.list, i, i+1)
	}
	u.list = append(u.list, User{Name: name, Role: role, Hash: string(hash)})
	slices.SortFunc(u.list, func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
	if err := writeJSON(usersPath(u.dir), u.list); err != nil {
		return stream.Credentials{}, err
	}
	return c, writeJSON(stream.CredentialsPath(u.dir, role, name), c)
}

func (u *Users) index(name string) int {
	return slices.IndexFunc(u.list, func(x User) bool { return x.Name == name })
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(text, '\n'), 0o600)
}
