//go:build unix

package setup

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// locked runs f while no other process works in the home folder. In a home that
// may only be read, such as one inside an image, nothing can be in the way.
func (in *Installation) locked(ctx context.Context, f func() error) error {
	if err := os.MkdirAll(in.Home, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(in.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return f()
	}
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks
	for told := false; ; told = true {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if !told {
			in.log.printf("another process works in %s; waiting for it", in.Home)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
