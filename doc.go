// Package mcollective is the map of the module; it holds no code.
//
// One binary, mco (cmd/mco), is every part of a collective: the client that an
// operator types, the daemon on each node, and the broker between them.
//
// From the bottom up, a package importing only what stands above it in this list:
//
//	marshal, stomp          codecs that know nothing of MCollective
//	filter, message         the vocabulary: what a filter says, what an envelope holds
//	connector, security     the two contracts: how bytes travel, how bytes are trusted
//	client, internal/server the two engines: asking a collective, being a node of it
//	broker                  the embedded NATS server
//	internal/cli, cmd/mco   the commands, a package each
//
// docs/architecture.md tells the rules; layout_test.go and system_test.go hold the code to them.
package mcollective
