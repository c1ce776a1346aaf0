package sf

import (
	"context"
	"os"
	"time"

	"github.com/sftoken/sftoken/internal/durable"
	"github.com/sftoken/sftoken/store"
)

// readObject reads one of sf's files, and tells when it was written. sf writes in place, so that a look may see half a file:
// the look is repeated while the file's lock is there, as in sf, and for the case that the lock went between two looks. A
// missing file is fs.ErrNotExist.
func readObject(ctx context.Context, path, mend string) (*object, time.Time, error) {
	for unlocked := 0; ; {
		info, err := os.Stat(path)
		if err != nil {
			return nil, time.Time{}, durable.Failure("read", path, err)
		}
		data, err := durable.ReadShared(path)
		if err != nil {
			return nil, time.Time{}, err
		}
		o, err := parseObject(data)
		if err == nil {
			return o, info.ModTime(), nil
		}
		if found, stale := look(path + ".lock"); found != nil && !stale {
			unlocked = 0
		} else if unlocked++; unlocked == 3 {
			return nil, time.Time{}, damaged(path, err.Error(), mend)
		}
		select {
		case <-ctx.Done():
			return nil, time.Time{}, &store.Error{Path: path, Err: ctx.Err()}
		case <-time.After(pollEvery):
		}
	}
}

func damaged(path, what, mend string) error {
	return &store.Error{Path: path, Kind: store.ErrDamaged, Detail: "damaged (" + what + ")", Mend: mend}
}
