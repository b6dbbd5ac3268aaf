package cli

// ownFile is always true: Windows gives other users no way into a user's folders by
// default, and the group owns the files of administrators.
func ownFile(string) bool { return true }
