package cli

import "github.com/sftoken/sftoken/internal/config"

// Dirs names the folders of this person's files.
func (e *Env) Dirs() (config.Dirs, error) { return config.FindDirs(e.Getenv) }

// Config reads the config file and the SFTOKEN_* variables, once.
func (e *Env) Config() (*config.Config, error) {
	if e.config != nil {
		return e.config, nil
	}
	dirs, err := e.Dirs()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(dirs.File(), e.Getenv)
	if err != nil {
		return nil, err
	}
	e.config = c
	return c, nil
}
