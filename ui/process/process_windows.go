package process

import "golang.org/x/sys/windows"

const protected = "programs of this user that are not run as administrator cannot read its memory"

// access has the rights in security descriptor language: the system and
// administrators may do everything; this user's programs may wait for the process,
// end it, and query it (SYNCHRONIZE, PROCESS_TERMINATE,
// PROCESS_QUERY_LIMITED_INFORMATION). The entry for the owner (OW) removes the
// right to change this list.
const access = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x101001;;;OW)(A;;0x101001;;;WD)"

func protect() error {
	sd, err := windows.SecurityDescriptorFromString(access)
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetSecurityInfo(windows.CurrentProcess(), windows.SE_KERNEL_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

// closeInherited does nothing: Go passes on only the handles that it is told to.
func closeInherited() error { return nil }
