package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"mcollective/internal/run"
)

const mostTaskFiles = 1000 // of a task, in directories that it names

// A Task is the metadata of a Bolt task. As an Adapter it calls the task.
type Task struct {
	Description     string           `json:"description"`
	InputMethod     string           `json:"input_method"`
	Noop            bool             `json:"supports_noop"`
	Private         bool             `json:"private"`
	Remote          bool             `json:"remote"`
	Files           []string         `json:"files"`
	Implementations []Implementation `json:"implementations"`
	Parameters      map[string]struct {
		Description string `json:"description"`
		Type        string `json:"type"`
		Default     any    `json:"default"`
		Sensitive   bool   `json:"sensitive"`
	} `json:"parameters"`

	Unknown []string `json:"-"` // keys that Bolt does not define
}

// An Implementation is one of several programs of a task.
type Implementation struct {
	Name         string   `json:"name"` // of a file
	Requirements []string `json:"requirements"`
	InputMethod  string   `json:"input_method"`
	Files        []string `json:"files"`
}

// DescribesTask reports whether an object of JSON is the metadata of a task.
func DescribesTask(root map[string]any) bool {
	_, actions := root["actions"]
	_, agent := root["agent"]
	return !actions && !agent && slices.ContainsFunc([]string{"parameters", "puppet_task_version", "input_method", "implementations", "supports_noop", "files", "private", "remote"}, func(key string) bool {
		_, there := root[key]
		return there
	})
}

// taskKeys are what Bolt defines. Those that say nothing about how a task is run are
// passed over.
var taskKeys = []string{
	"description", "input_method", "supports_noop", "private", "remote", "files", "implementations", "parameters", "puppet_task_version", "extensions",
}

// ParseTask reads the metadata of a task, and refuses what cannot be honoured.
func ParseTask(data []byte) (*Task, error) {
	t := &Task{}
	var keys map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(data, t), json.Unmarshal(data, &keys)); err != nil {
		return nil, err
	}
	for key := range keys {
		if !slices.Contains(taskKeys, key) {
			t.Unknown = append(t.Unknown, key)
		}
	}
	slices.Sort(t.Unknown)
	if t.Remote {
		return nil, errors.New(`the key "remote" is not supported: such a task runs on a proxy, for a target that has no agent`)
	}
	if err := checkInputMethod(t.InputMethod); err != nil {
		return nil, err
	}
	for _, i := range t.Implementations {
		if err := checkInputMethod(i.InputMethod); err != nil {
			return nil, err
		}
		if i.Name == "" || filepath.Base(i.Name) != i.Name || !filepath.IsLocal(i.Name) {
			return nil, fmt.Errorf(`the key "implementations" names %q, which is not the name of a file`, i.Name)
		}
	}
	return t, nil
}

func checkInputMethod(method string) error {
	switch method {
	case "", "both", "stdin", "environment":
		return nil
	case "powershell":
		return errors.New(`the key "input_method" has the value "powershell", which is not supported; stdin, environment and both are`)
	}
	return fmt.Errorf(`the key "input_method" is to be stdin, environment or both, not %q`, method)
}

// puppetRuby is there with the feature puppet-agent.
const puppetRuby = "/opt/puppetlabs/puppet/bin/ruby"

// Features returns what Bolt calls the abilities of this machine.
func Features() []string {
	var all []string
	if runtime.GOOS == "windows" {
		all = append(all, "powershell")
	} else if _, err := run.Look("sh"); err == nil {
		all = append(all, "shell")
	}
	if _, err := os.Stat(puppetRuby); err == nil {
		all = append(all, "puppet-agent")
	}
	return all
}

// Choose takes the first implementation whose requirements are met, and returns the
// name of its file; "" if the task has only one program.
func (t *Task) Choose(features []string) (string, error) {
	if len(t.Implementations) == 0 {
		return "", nil
	}
	var missing []string
	for _, i := range t.Implementations {
		lacks := slices.IndexFunc(i.Requirements, func(r string) bool { return !slices.Contains(features, r) })
		if lacks < 0 {
			t.Files = append(slices.Clone(t.Files), i.Files...)
			if i.InputMethod != "" {
				t.InputMethod = i.InputMethod
			}
			return i.Name, nil
		}
		missing = append(missing, i.Name+" requires "+i.Requirements[lacks])
	}
	have := "none"
	if len(features) > 0 {
		have = strings.Join(features, ", ")
	}
	return "", fmt.Errorf(`none of its "implementations" can run here: %s; this machine has the features: %s`, strings.Join(missing, ", "), have)
}

// FindFiles finds the files that the task reads, below the directory that it is told
// as its _installdir. A name that ends in / is a directory.
func (t *Task) FindFiles(dir string) ([]string, error) {
	var all []string
	for _, name := range t.Files {
		if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
			return nil, fmt.Errorf(`the key "files" names %q, which is not below %s`, name, dir)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		fi, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf(`the key "files" names %s, which is not there; put it at %s`, name, path)
		case err != nil:
			return nil, err
		case fi.IsDir() != strings.HasSuffix(name, "/"):
			return nil, fmt.Errorf(`the key "files" names %s; only the name of a directory ends in /`, name)
		}
		err = filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && len(all) >= mostTaskFiles {
				err = fmt.Errorf(`the key "files" names more than %d files`, mostTaskFiles)
			}
			all = append(all, path)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ParseInterpreters reads the setting plugin.bolt.interpreters: extensions of tasks
// and the programs that run these, like ".rb=/usr/bin/ruby,.py=/usr/bin/python3".
func ParseInterpreters(text string) (map[string]string, error) {
	all := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" && strings.TrimSpace(text) == "" {
			continue
		}
		ext, path, ok := strings.Cut(pair, "=")
		ext, path = strings.TrimSpace(ext), strings.TrimSpace(path)
		if !ok || len(ext) < 2 || ext[0] != '.' || !filepath.IsAbs(path) {
			return nil, fmt.Errorf("%q is not an extension and a whole path, like .rb=/usr/bin/ruby", pair)
		}
		if _, twice := all[ext]; twice {
			return nil, fmt.Errorf("the extension %s is there twice", ext)
		}
		all[ext] = filepath.Clean(path)
	}
	return all, nil
}
