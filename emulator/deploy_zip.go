package emulator

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The bounds are far below Salesforce's (10,000 files, 400 MB unpacked): what creates an app is small.
const (
	maxFiles    = 1000
	maxFile     = 1 << 20
	maxUnpacked = 16 << 20
)

// zipped is the content of a deployment by path, package.xml at the root.
type zipped map[string][]byte

// unzip reads an archive in memory. Paths that lead out of it, names that come twice, links, and more than the bounds are
// refused before anything is unpacked; sizes are counted while unpacking, because a header can lie.
func unzip(archive []byte) (zipped, error) {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, errors.New("the file is not a zip archive")
	}
	if len(reader.File) > maxFiles {
		return nil, fmt.Errorf("the zip archive has more than %d files", maxFiles)
	}
	files, total := zipped{}, 0
	for _, entry := range reader.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		if !safePath(entry.Name) || !entry.Mode().IsRegular() {
			return nil, fmt.Errorf("the zip archive has a path that is not allowed: %.100q", entry.Name)
		}
		if _, twice := files[entry.Name]; twice {
			return nil, fmt.Errorf("the zip archive has %.100q twice", entry.Name)
		}
		content, err := unpack(entry)
		if err != nil {
			return nil, fmt.Errorf("unpack %.100q: %w", entry.Name, err)
		}
		if total += len(content); total > maxUnpacked {
			return nil, fmt.Errorf("the zip archive unpacks to more than %d bytes", maxUnpacked)
		}
		files[entry.Name] = content
	}
	return files.rooted(), nil
}

func safePath(name string) bool {
	return name != "" && len(name) < 512 && path.Clean(name) == name && !path.IsAbs(name) && !strings.HasPrefix(name, "../") && name != ".." &&
		!strings.ContainsAny(name, "\\:\x00")
}

func unpack(entry *zip.File) ([]byte, error) {
	opened, err := entry.Open()
	if err != nil {
		return nil, errors.New("the entry cannot be read")
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return nil, errors.New("the entry is damaged")
	case len(content) > maxFile:
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	return content, nil
}

// rooted takes away the one folder that everything is in, which Salesforce allows around a single package.
func (z zipped) rooted() zipped {
	if _, ok := z["package.xml"]; ok {
		return z
	}
	folder := ""
	for name := range z {
		if strings.HasSuffix(name, "/package.xml") && strings.Count(name, "/") == 1 {
			folder = strings.TrimSuffix(name, "package.xml")
		}
	}
	if folder == "" {
		return z
	}
	out := zipped{}
	for name, content := range z {
		if inner, ok := strings.CutPrefix(name, folder); ok {
			out[inner] = content
		}
	}
	return out
}
