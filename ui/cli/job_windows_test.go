package cli_test

// jobMain does nothing: Windows has no job control.
func jobMain() {}
