//go:build !unix

package setup

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// locked fails: GoNB talks to cells through named pipes, which it makes on
// Unix-like systems only.
func (in *Installation) locked(context.Context, func() error) error {
	return fmt.Errorf("the notebook kernel does not run on %s (on Windows, use WSL): %w", runtime.GOOS, errors.ErrUnsupported)
}
