package nettest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	echo4, reply4 = 8, 0
	echo6, reply6 = 128, 129
	tokenAt       = 8 // bytes of header before the token
	tokenLen      = 16
)

// ping sends one echo request, again each second, and waits for its answer.
func ping(ctx context.Context, to netip.Addr) (time.Duration, error) {
	conn, datagram, err := listen(to)
	if err != nil {
		return 0, fmt.Errorf("cannot send pings: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	// The kernel replaces the identifier on one kind of socket, and hands all
	// answers to all sockets on the other, so a token tells whose they are.
	token := make([]byte, tokenLen)
	rand.Read(token)
	var dest net.Addr = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	if datagram {
		dest = &net.UDPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	}
	var sent []time.Time
	buf := make([]byte, 1500)
	for ctx.Err() == nil && len(sent) < 10 {
		sent = append(sent, time.Now())
		if _, err := conn.WriteTo(request(to, uint16(len(sent)), token), dest); err != nil {
			return 0, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return 0, err
		}
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
					break // once more
				}
				return 0, err
			}
			if seq, ok := parse(to, buf[:n], token); ok && seq >= 1 && int(seq) <= len(sent) {
				return time.Since(sent[seq-1]), nil
			}
		}
	}
	return 0, context.DeadlineExceeded
}

// request returns an echo request. For version 6 the kernel fills in the checksum.
func request(to netip.Addr, seq uint16, token []byte) []byte {
	p := make([]byte, tokenAt, tokenAt+tokenLen)
	p[0] = echo6
	if to.Is4() {
		p[0] = echo4
	}
	copy(p[4:6], token)
	binary.BigEndian.PutUint16(p[6:], seq)
	p = append(p, token...)
	if to.Is4() {
		binary.BigEndian.PutUint16(p[2:], checksum(p))
	}
	return p
}

// parse finds the answer to a request of ours. A raw socket of version 4 gives
// the IP header too.
func parse(to netip.Addr, p, token []byte) (seq uint16, ok bool) {
	want := byte(reply6)
	if to.Is4() {
		want = reply4
		if len(p) > 0 && p[0]>>4 == 4 {
			header := int(p[0]&0xf) * 4
			if header < 20 || header > len(p) {
				return 0, false
			}
			p = p[header:]
		}
	}
	if len(p) < tokenAt+tokenLen || p[0] != want || string(p[tokenAt:tokenAt+tokenLen]) != string(token) {
		return 0, false
	}
	return binary.BigEndian.Uint16(p[6:]), true
}

func checksum(p []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(p); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
