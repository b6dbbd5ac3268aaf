package process

import "golang.org/x/sys/windows"

const protected = "programs of this user that are not run as administrator cannot read its memory"

// access is what is left to others: the system and administrators may do all;
// this user's programs may wait for it, end it, and ask what it is
// (SYNCHRONIZE, PROCESS_TERMINATE, PROCESS_QUERY_LIMITED_INFORMATION). The entry
// for the owner (OW) takes away the right to change this list.
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

// closeInherited has nothing to do: Go passes on only the handles that are meant.
func closeInherited() error { return nil }
