package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// ErrNotRegular: the path is not a file but a folder, a pipe or a device. Reading
// it might never end.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge: the file is larger than any that kitekey writes there.
var ErrTooLarge = errors.New("too large")

// readTime bounds how long reading one of our files may take: a network file system
// whose server is gone hangs for ever.
const readTime = 5 * time.Second

// Read returns the content of a regular file of at most limit bytes. The error
// matches ErrNotRegular, ErrTooLarge, ErrForeign, [os.ErrDeadlineExceeded] after 5 s, or
// [fs.ErrNotExist].
func Read(path string, limit int64) ([]byte, error) {
	return within(context.Background(), path, func() ([]byte, error) {
		f, size, err := openRegular(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if size > limit {
			return nil, tooLarge(path, limit)
		}
		return readBounded(f, path, size, limit)
	})
}

// ReadHead is [Read] of at most the first n bytes of a file of any size.
func ReadHead(path string, n int64) ([]byte, error) {
	return within(context.Background(), path, func() ([]byte, error) {
		f, _, err := openRegular(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, n))
	})
}

func readBounded(r io.Reader, path string, size, limit int64) ([]byte, error) {
	data := make([]byte, 0, size+512) // the last read, which shows the end, needs room too
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case int64(len(data)) > limit:
			return nil, tooLarge(path, limit)
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%s is %w: more than %s", path, ErrTooLarge, bytesText(limit))
}

func bytesText(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// openRegular opens a regular file. It does not open anything else.
func openRegular(path string) (f *os.File, size int64, err error) {
	var info fs.FileInfo
	err = RetrySharingViolation(func() error {
		if info, err = os.Stat(path); err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return &fs.PathError{Op: "read", Path: path, Err: ErrNotRegular}
		}
		// It may have been replaced meanwhile: opening it must not wait for a pipe's
		// writer.
		f, err = os.OpenFile(path, os.O_RDONLY|nonblock, 0)
		return err
	})
	if err != nil {
		return nil, 0, Refused(path, err)
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: ErrNotRegular}
	}
	if err == nil {
		err = checkOwner(path, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// OpenAppend opens a regular file for appending, and creates it if it does not
// exist.
func OpenAppend(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|nonblock, 0o600)
	if err != nil {
		return nil, Refused(path, err)
	}
	inherit(path)
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	} else {
		err = checkOwner(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// within is until with readTime as the limit.
func within(ctx context.Context, path string, do func() ([]byte, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, os.ErrDeadlineExceeded)
	defer cancel()
	return until(ctx, path, do)
}

// until returns what do returns, or ctx's cause if ctx ends first. do then goes on
// in the background.
func until(ctx context.Context, path string, do func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	got := make(chan result, 1)
	go func() {
		data, err := do()
		got <- result{data, err}
	}()
	select {
	case r := <-got:
		return r.data, r.err
	case <-ctx.Done():
		return nil, &fs.PathError{Op: "read", Path: path, Err: context.Cause(ctx)}
	}
}
