package logtext

import (
	"context"
	"fmt"
	"log/slog"
)

const started = "node started"

func write(log *slog.Logger, name string, list []any, err error) {
	log.Info(started, "identity", name)
	log.Info("node " + name + " started")                           // want `the message is not constant`
	log.Warn(fmt.Sprintf("node %s started", name))                  // want `the message is not constant`
	log.Error("It failed.", "error", err)                           // want `the message is a phrase`
	log.Debug("took", "the time", 1)                                // want `the key "the time" is not in snake_case`
	log.Debug("took", "timeMS", 1, "n", 2)                          // want `the key "timeMS" is not in snake_case`
	log.Debug("took", name, 1)                                      // want `the key of an attribute is not constant`
	log.Log(context.Background(), slog.LevelInfo, name, "n", 1)     // want `the message is not constant`
	slog.InfoContext(context.Background(), "took", "A", 1)          // want `the key "A" is not in snake_case`
	log.With("Node", name).Info("took")                             // want `the key "Node" is not in snake_case`
	log.Info("took", slog.Int("how long", 1), "n", 2)               // want `the key "how long" is not in snake_case`
	log.LogAttrs(context.Background(), 0, "took", slog.Any("n", 1)) // an attribute is checked where it is made
	log.Info("took", list...)
	log.Warn(name) //lint:allow logtext the words are another program's
}
