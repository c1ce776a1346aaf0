package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"
)

// In JSON the keys are those of TOML, and so are the rules: a duration is text such as "15m", an unknown key is an error. What
// is not mentioned keeps its value, so that decoding into a copy of an App changes only what the JSON names.

func (a App) MarshalJSON() ([]byte, error)    { type plain App; return toJSON(plain(a)) }
func (a *App) UnmarshalJSON(b []byte) error   { type plain App; return fromJSON(b, (*plain)(a)) }
func (o Org) MarshalJSON() ([]byte, error)    { type plain Org; return toJSON(plain(o)) }
func (o *Org) UnmarshalJSON(b []byte) error   { type plain Org; return fromJSON(b, (*plain)(o)) }
func (u User) MarshalJSON() ([]byte, error)   { type plain User; return toJSON(plain(u)) }
func (u *User) UnmarshalJSON(b []byte) error  { type plain User; return fromJSON(b, (*plain)(u)) }
func (f Fault) MarshalJSON() ([]byte, error)  { type plain Fault; return toJSON(plain(f)) }
func (f *Fault) UnmarshalJSON(b []byte) error { type plain Fault; return fromJSON(b, (*plain)(f)) }

func (c Config) MarshalJSON() ([]byte, error)  { type plain Config; return toJSON(plain(c)) }
func (c *Config) UnmarshalJSON(b []byte) error { type plain Config; return fromJSON(b, (*plain)(c)) }

func toJSON(value any) ([]byte, error) {
	text, err := toml.Marshal(value)
	if err != nil {
		return nil, err
	}
	var keys map[string]any
	if err := toml.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	return json.Marshal(keys)
}

func fromJSON(b []byte, value any) error {
	var keys map[string]any
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if err := decoder.Decode(&keys); err != nil {
		return err
	}
	text, err := toml.Marshal(keys)
	if err != nil {
		return err
	}
	meta, err := toml.Decode(string(text), value)
	if err != nil {
		// Lines and columns are of our own making.
		if at, ok := errors.AsType[toml.ParseError](err); ok {
			return fmt.Errorf("key %q: %s", at.LastKey, at.Message)
		}
		return err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("unknown key %q", unknown[0].String())
	}
	return nil
}
