package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// errTooLarge means that the input is longer than allowed.
var errTooLarge = errors.New("too large")

// byteOrderMark is what some Windows programs write before UTF-8 text.
var byteOrderMark = []byte("\ufeff")

// readFile reads a file, pipe or device that the user named, up to most bytes and
// without a byte order mark. It returns when ctx ends, even if no process opens the
// other end of a pipe.
func readFile(ctx context.Context, name string, most int) ([]byte, error) {
	return cancelable(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readBounded(f, most)
	})
}

// readStdin is [readFile] for stdin.
func (a *app) readStdin(ctx context.Context, most int) ([]byte, error) {
	return cancelable(ctx, func() ([]byte, error) { return readBounded(a.Stdin, most) })
}

// readBounded reads all of r, without a byte order mark. It fails if there are more
// than most bytes.
func readBounded(r io.Reader, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		return nil, fmt.Errorf("%w: more than %s", errTooLarge, size(most))
	}
	return bytes.TrimPrefix(data, byteOrderMark), nil
}

// pathCause returns the cause of a [fs.PathError], for a message that names the path
// already, and any other error as it is.
func pathCause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// size returns a number of bytes in words.
func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// cancelable calls read, and stops waiting for it when ctx ends. A read that is
// blocked in the kernel then stays there until the process exits.
func cancelable(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
