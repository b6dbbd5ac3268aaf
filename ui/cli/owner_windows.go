package cli

// ownFile: Windows gives other users no way into a user's folders by default, and
// every file that an administrator makes belongs to the group.
func ownFile(string) bool { return true }
