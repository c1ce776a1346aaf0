package durable

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
)

// Room is space on a disk that its holders have set aside together, so that what they write later finds it even if the disk
// fills up meanwhile. It is one file for all of them: to make one each costs more than what they then write.
//
// The file has no name where the system allows that, so that a crash leaves nothing behind; elsewhere (Windows) the next
// Room of the directory removes it. It may be used by several goroutines.
type Room struct {
	Dir   string // must exist by the first Take
	Share int    // bytes for each holder

	mu      sync.Mutex
	holders int
	file    *os.File // nil until somebody holds room
	size    int
}

// Take makes room for one more holder.
func (r *Room) Take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.grow((r.holders + 1) * r.Share); err != nil {
		return Failure("write", r.Dir, err)
	}
	r.holders++
	return nil
}

// Give ends what Take began. The last one frees the space.
func (r *Room) Give() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders--; r.holders == 0 {
		r.free()
	}
}

// Yield frees the space of all holders: one of them needs it now, and what it leaves serves the others.
func (r *Room) Yield() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free()
}

func (r *Room) grow(size int) error {
	if r.file == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	if size <= r.size {
		return nil
	}
	if err := setAside(r.file, size); err != nil {
		if r.holders == 0 {
			r.free()
		}
		return err
	}
	r.size = size
	return nil
}

func (r *Room) open() error {
	if err := CheckDir(r.Dir); err != nil {
		return err
	}
	left, _ := filepath.Glob(filepath.Join(r.Dir, ".room.*")) // an error means a malformed pattern, and there is none
	for _, path := range left {
		_ = os.Remove(path) // Windows refuses where it is somebody's
	}
	path := filepath.Join(r.Dir, ".room."+rand.Text())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|OpenFlags, 0o600)
	if err != nil {
		return err
	}
	_ = os.Remove(path)
	r.file, r.size = f, 0
	return nil
}

func (r *Room) free() {
	if r.file == nil {
		return
	}
	path := r.file.Name()
	_ = r.file.Close()
	_ = os.Remove(path)
	r.file, r.size = nil, 0
}
