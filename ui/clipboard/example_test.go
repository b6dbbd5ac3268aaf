package clipboard_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"kitekey/ui/clipboard"
)

// A program that copies must be able to run as the helper: see HelperArg.
func Example() {
	if len(os.Args) == 2 && os.Args[1] == clipboard.HelperArg {
		os.Exit(clipboard.Helper(os.Stdin, os.Stdout))
	}
	c := clipboard.New(clipboard.Options{Terminal: os.Stderr})
	receipt, err := c.Copy(context.Background(), []byte("Authorization: JWT …"), time.Now().Add(clipboard.DefaultClear))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("copied (%s), cleared at %v\n", receipt.Way, receipt.ClearsAt)
	if receipt.Caveat != "" {
		fmt.Println(receipt.Caveat)
	}
}

// An empty text is refused before any clipboard is asked.
func ExampleClipboard_Copy_empty() {
	_, err := clipboard.New(clipboard.Options{}).Copy(context.Background(), nil, time.Time{})
	fmt.Println(err)
	// Output: there is nothing to copy
}
