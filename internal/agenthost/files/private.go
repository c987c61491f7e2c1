package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mcollective/internal/run"
)

// Private makes a directory that only the user can enter, as whom a program runs,
// with files in it. The directory becomes that user's last: in one of his he could
// put links in the place of files that are still to be made or given away. temp is
// where it is made, "" for the system's place, and user is a name or number, "" for
// that of this process.
func Private(temp, agent, user string, files map[string][]byte) (string, error) {
	dir, err := os.MkdirTemp(temp, "mco-"+agent+"-")
	if err == nil {
		err = furnish(dir, user, files)
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("agent %s has no place to run: %w", agent, err)
	}
	return dir, nil
}

func furnish(dir, user string, files map[string][]byte) error {
	uid, gid, err := run.UserIDs(user)
	if err != nil {
		return err
	}
	for name, content := range files {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		if err == nil && user != "" {
			err = f.Chown(uid, gid)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if user == "" {
		return nil
	}
	return os.Lchown(dir, uid, gid)
}

// An Exchange is a pair of files by which older protocols talk, in a private
// directory.
type Exchange struct {
	Dir, Request, Reply string
	uid                 int // whose they are
}

// NewExchange makes the files: the request, and an empty reply. The caller must
// call Remove.
func NewExchange(temp, agent, user string, request []byte) (*Exchange, error) {
	const asked, answered = "request.json", "reply.json"
	uid, _, err := run.UserIDs(user)
	if err != nil {
		return nil, err
	}
	dir, err := Private(temp, agent, user, map[string][]byte{asked: request, answered: nil})
	if err != nil {
		return nil, err
	}
	return &Exchange{dir, filepath.Join(dir, asked), filepath.Join(dir, answered), uid}, nil
}

// Remove removes the directory.
func (x *Exchange) Remove() { os.RemoveAll(x.Dir) }

// ReadReply reads the reply, of at most so many bytes. The directory is the program's:
// it may put there what it likes, and another at any moment, so the file is judged
// once it is open. It is read with this process's rights, which must not get the
// program what its own do not.
func (x *Exchange) ReadReply(most int) ([]byte, error) {
	f, err := os.OpenFile(x.Reply, os.O_RDONLY|openPlain, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || !solely(fi, x.uid) {
		return nil, errors.New("it made something else of its reply file")
	}
	b, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(b) > most {
		return nil, fmt.Errorf("its reply file has more than %d bytes", most)
	}
	return b, err
}
