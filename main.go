// Command kitekey is a terminal credential manager for the Kitegateway payment API.
package main

func main() {}
