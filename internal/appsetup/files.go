package appsetup

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// File is one file of the app as metadata; Path has slashes.
type File struct {
	Path    string
	Content []byte
}

// Package returns the app in mdapi format: package.xml, and a file a component. It is what is deployed.
func (s Settings) Package() []File {
	return packageOf(s.components(defaultPolicyNames(s.Name)), APIVersion)
}

func packageOf(components []component, version string) []File {
	list := manifest{Version: version}
	var files []File
	for _, c := range components {
		list.Types = append(list.Types, manifestType{Members: []string{c.fullName}, Name: c.name})
		files = append(files, File{Path: path.Join(c.dir, c.fullName+"."+c.suffix), Content: document(c.name, c.body)})
	}
	return append([]File{{Path: "package.xml", Content: document("Package", list)}}, files...)
}

// Source returns the app in source format: a project of the Salesforce CLI.
func (s Settings) Source() []File {
	files := []File{{Path: "sfdx-project.json", Content: []byte(`{
  "packageDirectories": [{ "path": "force-app", "default": true }],
  "sourceApiVersion": "` + APIVersion + `"
}
`)}}
	for _, c := range s.components(defaultPolicyNames(s.Name)) {
		files = append(files, File{
			Path:    path.Join("force-app/main/default", c.dir, c.fullName+"."+c.suffix+"-meta.xml"),
			Content: document(c.name, c.body),
		})
	}
	return files
}

// ExistsError says that a file is where one was to be written.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return fmt.Sprintf("write %s: it is there already", e.Path) }

// ErrorID returns the stable name of this kind of error.
func (e *ExistsError) ErrorID() string { return "app-file-exists" }

// ErrorData returns the values that an explanation of the error may name.
func (e *ExistsError) ErrorData() map[string]string { return map[string]string{"Path": e.Path} }

// Write writes files below dir, which is made if need be. It replaces nothing: if any of the files is there already, none is
// written.
func Write(dir string, files []File) error {
	for _, f := range files {
		target := filepath.Join(dir, filepath.FromSlash(f.Path))
		if _, err := os.Lstat(target); err == nil {
			return &ExistsError{Path: target}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("write the app's files: %w", err)
		}
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(f.Path)), f.Content); err != nil {
			return err
		}
	}
	return nil
}

func writeNew(target string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("write the app's files: %w", err)
	}
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{Path: target}
	}
	if err != nil {
		return fmt.Errorf("write the app's files: %w", err)
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the app's files: %w", err)
	}
	return nil
}

// archive packs files as the Metadata API takes them, package.xml at the root.
func archive(files []File, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		part, err := w.CreateHeader(&zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: now})
		if err != nil {
			return nil, fmt.Errorf("pack the app: %w", err)
		}
		if _, err := part.Write(f.Content); err != nil {
			return nil, fmt.Errorf("pack the app: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack the app: %w", err)
	}
	return b.Bytes(), nil
}
