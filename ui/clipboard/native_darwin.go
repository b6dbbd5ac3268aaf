package clipboard

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os/exec"
)

// The macOS pasteboard keeps a copy after the program that made it has ended, so
// the copy must be cleared. Its change count tells whether another program has
// written, but the text decides, because a clipboard manager writes the same text
// again.
//
// This file has been compiled and vetted for macOS and has not been run on one by
// its authors: the scripts follow NSPasteboard's documentation
// (https://developer.apple.com/documentation/appkit/nspasteboard) and
// http://nspasteboard.org, and gopass has done the same for years.

// copyScript puts its standard input on the pasteboard. The option 1 is
// NSPasteboardContentsCurrentHostOnly: no Universal Clipboard, so no copy on the
// user's phone. Clipboard managers recognise a password by the mark ConcealedType.
const copyScript = `
ObjC.import('AppKit');
var data = $.NSFileHandle.fileHandleWithStandardInput.readDataToEndOfFile;
var text = $.NSString.alloc.initWithDataEncoding(data, $.NSUTF8StringEncoding);
var board = $.NSPasteboard.generalPasteboard;
board.prepareForNewContentsWithOptions(1);
if (!board.setStringForType(text, 'public.utf8-plain-text')) { throw new Error('the pasteboard refused it'); }
board.setStringForType($(''), 'org.nspasteboard.ConcealedType');
'';`

const caveatPbcopy = "macOS's osascript did not work, so it could not be marked as a password: a clipboard manager may keep it"

func holdNative(req request, secret []byte) (holder, string, error) {
	if req.Way != MacOS {
		return nil, "", fmt.Errorf("there is no clipboard %q on this system", req.Way)
	}
	p := pasteboard(sha256.Sum256(secret))
	if _, err := run("osascript", secret, "-l", "JavaScript", "-e", copyScript); err == nil {
		return p, "", nil
	}
	if _, err := run("pbcopy", secret); err != nil {
		return nil, "", err
	}
	return p, caveatPbcopy, nil
}

// pasteboard is the hash of a copy.
type pasteboard [sha256.Size]byte

func (p pasteboard) Lost() <-chan struct{} { return nil }
func (p pasteboard) Gone() <-chan struct{} { return nil }

func (p pasteboard) Clear(newer func() bool) error {
	there := func() (bool, error) {
		now, err := run("pbpaste", nil)
		return err == nil && sha256.Sum256(now) == p, err
	}
	return clearWhileThere(newer, there, func(text string) error {
		_, err := run("pbcopy", []byte(text))
		return err
	})
}

func (p pasteboard) Release() {}

// run runs a tool of the system by its full path.
func run(tool string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("/usr/bin/"+tool, args...)
	cmd.Stdin = bytes.NewReader(in)
	// pbcopy takes bytes for Mac Roman if the locale does not say otherwise.
	cmd.Env = append(cmd.Environ(), "LC_CTYPE=UTF-8")
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = &toolError{tool, string(exit.Stderr), err}
	}
	return out, err
}

func nativeReachable(w Way, _ func(string) string) bool { return w == MacOS }
