package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mcollective/connector"
	"mcollective/internal/config"
	"mcollective/internal/plugins"
	"mcollective/message"
	"mcollective/security"
	"mcollective/value"
)

// textNode is a program that plays a node whose agents are written in Ruby and
// say reply.data = "text". Its arguments are a configuration and the text.
func textNode() {
	if err := answerText(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answerText(file, text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(file, config.Server)
	if err != nil {
		return err
	}
	sec, _, err := plugins.NodeSecurity(cfg)
	if err != nil {
		return err
	}
	connecting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := plugins.Connect(connecting, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer conn.Close()
	mine := connector.Target{Kind: connector.Directed, Collective: cfg.MainCollective, Identity: cfg.Identity}
	if _, err := conn.Subscribe(connecting, mine, func(d connector.Delivery) {
		req, err := sec.DecodeRequest(ctx, security.Payload{Data: d.Data, Headers: d.Headers}, message.Origin{Collective: cfg.MainCollective, Direct: true, Identity: cfg.Identity, ReplyTo: d.ReplyTo})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		reply := &message.Reply{RequestID: req.ID, Sender: cfg.Identity, Agent: req.Agent, Time: time.Now(), Body: value.NewMap(
			value.Symbol("statuscode"), int64(0), value.Symbol("statusmsg"), "OK", value.Symbol("data"), text)}
		p, err := sec.EncodeReply(ctx, req, reply)
		if err == nil {
			err = conn.Publish(ctx, connector.Target{Kind: connector.Reply, Address: d.ReplyTo}, connector.Message{Data: p.Data, Headers: p.Headers})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "the node is ready")
	<-ctx.Done()
	return nil
}
