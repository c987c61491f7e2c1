package danger

import (
	"crypto/md5" // want `crypto/md5 is imported: MD5 protects nothing`
	"crypto/tls"
	"io"
	"log"       // want `log is imported`
	"math/rand" // want `math/rand is imported`
	"os"
	"strings"
)

func all(r io.Reader, f *os.File, mode os.FileMode) {
	log.Print(md5.New(), rand.Int())
	os.WriteFile("x", nil, 0o600)
	os.WriteFile("x", nil, 0o666) // want `mode 0666 lets others write`
	os.WriteFile("x", nil, mode)
	os.OpenFile("x", os.O_CREATE, 0o664) // want `mode 0664 lets others write`
	os.MkdirAll("x", 0o777)              // want `mode 0777 lets others write`
	os.Mkdir("x", os.ModePerm)           // want `mode 0777 lets others write`
	f.Chmod(0o622)                       // want `mode 0622 lets others write`
	io.ReadAll(r)                        // want `io.ReadAll of what has no limit`
	io.ReadAll(io.LimitReader(r, 10))
	io.ReadAll(strings.NewReader("x"))
	_ = tls.Config{InsecureSkipVerify: true} // want `the certificate of the other side is not verified`
	_ = tls.Config{InsecureSkipVerify: false}
}
