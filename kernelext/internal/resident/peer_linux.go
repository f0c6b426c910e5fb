package resident

import (
	"net"
	"os"
	"syscall"
)

// mayTalk reports whether the other side belongs to the user. Beside the folder's
// mode it holds where a folder was opened to others meanwhile.
func mayTalk(c net.Conn) bool {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return false
	}
	var cred *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	return err == nil && failed == nil && int(cred.Uid) == os.Getuid()
}
