package secretservice

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Dial connects to the bus at address, and asks the service for a session without
// waiting for its answer: [Op.Open] does that. It returns when ctx ends, whatever the
// bus does.
//
// The bus must be a Unix socket of this user or of root, or the error is an
// [OwnerError] or ErrNoSocket. The owner of a bus can play the service and read
// what it is given. A name in /tmp, or an abstract one, is free for every user once the
// session that the environment still names has ended.
func Dial(ctx context.Context, address string) (*Conn, error) {
	failed := ErrNoSocket
	for one := range strings.SplitSeq(address, ";") {
		path, ok := socketOf(one)
		if !ok {
			continue
		}
		c, err := dial(ctx, path, one)
		if err == nil || ctx.Err() != nil {
			return c, err
		}
		failed = err
	}
	return nil, failed
}

// dial connects to a bus whose address is that of the socket at path.
func dial(ctx context.Context, path, address string) (*Conn, error) {
	if runtime.GOOS == "linux" {
		return dialQuickly(ctx, path)
	}
	// Other systems' buses do not ask the kernel who is calling.
	if err := checkFile(path); err != nil {
		return nil, err
	}
	c, err := dialSlowly(ctx, address)
	if err != nil {
		return nil, err
	}
	introduced(ctx, c.ping())
	c.begin(NewKeys())
	return c, nil
}

// dialSlowly connects to the bus as godbus does it.
func dialSlowly(ctx context.Context, address string) (*Conn, error) {
	life, end := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, end) // unblocks the handshake
	type result struct {
		bus *dbus.Conn
		err error
	}
	connected := make(chan result, 1)
	go func() {
		bus, err := dbus.Connect(address, dbus.WithContext(life))
		connected <- result{bus, err}
	}()
	select {
	case r := <-connected:
		if !stop() || r.err != nil {
			end()
			if ctx.Err() != nil {
				return nil, timeoutOf(ctx)
			}
			return nil, r.err
		}
		return &Conn{bus: r.bus, end: end}, nil
	case <-ctx.Done():
		end()
		return nil, timeoutOf(ctx)
	}
}

// timeoutOf returns ctx's own error if the caller cancelled it, and otherwise that
// the time is up.
func timeoutOf(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimeout
	}
	return ctx.Err()
}

// socketOf returns the socket that one address names: a path, or an abstract name after
// "@".
func socketOf(address string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(address), "unix:")
	if !ok {
		return "", false
	}
	for pair := range strings.SplitSeq(rest, ",") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "path":
			path = value
		case "abstract":
			path = "@" + value
		}
	}
	path, err := url.PathUnescape(path)
	return path, err == nil && path != ""
}

// dialQuickly sends the whole handshake at once without waiting for the answers, as
// systemd's client does. godbus takes five round trips, which delay every script
// that uses a cached token.
func dialQuickly(ctx context.Context, path string) (*Conn, error) {
	socket, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, timeoutOf(ctx)
		}
		return nil, err
	}
	if err := checkPeer(socket); err != nil {
		_ = socket.Close()
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	bus, err := dbus.NewConn(&pipelined{Conn: socket, in: bufio.NewReader(socket)}, dbus.WithContext(life))
	if err == nil {
		err = bus.Auth([]dbus.Auth{external{}})
	}
	if err != nil {
		end()
		_ = socket.Close()
		return nil, err
	}
	c := &Conn{bus: bus, end: end}
	hello := bus.BusObject().Go("org.freedesktop.DBus.Hello", 0, make(chan *dbus.Call, 1))
	keys := NewKeys() // while the bus answers
	if err := answered(ctx, &hello); err != nil {
		end()
		_ = bus.Close()
		if ctx.Err() != nil {
			return nil, timeoutOf(ctx)
		}
		return nil, err
	}
	introduced(ctx, c.ping()) // only now: sent with Hello, it did not always help
	c.begin(keys)
	return c, nil
}

// external is the mechanism EXTERNAL. pipelined sends the rest of its handshake.
type external struct{}

// FirstData implements [dbus.Auth].
func (external) FirstData() (name, resp []byte, status dbus.AuthStatus) {
	return []byte("EXTERNAL"), nil, dbus.AuthOk
}

// HandleData implements [dbus.Auth].
func (external) HandleData([]byte) (resp []byte, status dbus.AuthStatus) { return nil, dbus.AuthError }

// pipelined is a socket that answers godbus' side of the handshake itself, sends
// the real handshake before the first message, and removes the bus's answer from
// what comes back.
type pipelined struct {
	net.Conn
	in       *bufio.Reader
	answers  bytes.Buffer // for godbus, until the handshake is over
	begun    bool         // the handshake is over for godbus
	sent     bool         // the handshake has been sent
	answered bool         // the bus's answer has come
}

// Write implements [net.Conn].
func (p *pipelined) Write(data []byte) (int, error) {
	switch {
	case p.sent:
		return p.Conn.Write(data)
	case p.begun:
		p.sent = true
		uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
		_, err := p.Conn.Write(append([]byte("\x00AUTH EXTERNAL "+uid+"\r\nBEGIN\r\n"), data...))
		return len(data), err
	}
	switch string(bytes.TrimRight(data, "\r\n")) {
	case "AUTH":
		p.answers.WriteString("REJECTED EXTERNAL\r\n")
	case "AUTH EXTERNAL":
		p.answers.WriteString("OK 00\r\n")
	case "BEGIN":
		p.begun = true
	}
	return len(data), nil
}

// Read implements [net.Conn].
func (p *pipelined) Read(data []byte) (int, error) {
	if p.answers.Len() > 0 {
		return p.answers.Read(data)
	}
	if !p.answered {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if !strings.HasPrefix(line, "OK ") {
			return 0, fmt.Errorf("the bus refused the connection: %q", strings.TrimSpace(line))
		}
		p.answered = true
	}
	return p.in.Read(data)
}
