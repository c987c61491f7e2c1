package client

import (
	"strings"

	"mcollective/rpc"
)

// judge is what an answer says of how the request ended.
func judge(r *rpc.Reply, err error) Outcome {
	switch {
	case err != nil:
		return Failed
	case r.Status == rpc.OK:
		return OK
	case r.Status == rpc.Aborted && r.Message == rpc.TextDenied:
		return Denied
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextTimedOut):
		return TimedOut
	case r.Status == rpc.UnknownError && strings.HasPrefix(r.Message, rpc.TextExpired):
		return Expired
	}
	return Failed
}
