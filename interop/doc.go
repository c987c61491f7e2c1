// Package interop tests mco against the real Ruby MCollective and its brokers; it holds no code.
//
// README.md tells how to run it.
package interop
